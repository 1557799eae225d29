//! Messages of known length, written for the benches.

/// Length in characters and a message of that length; the first beginning of each is the one
/// before. All are about a late parcel.
pub(crate) const TEXTS: [(usize, &str); 3] = [
    (16, "我的快递三天没动了，到底还送不送"),
    (32, "我的快递三天没动了，到底还送不送！上周五就下单了，一直显示运输中"),
    (
        64,
        "我的快递三天没动了，到底还送不送！上周五就下单了，一直显示运输中，打了快递电话也没有人接，\
         孩子等着开学用，麻烦你们今天帮我催一下",
    ),
];
