//! Frequent words and own letters of the Latin-script languages, and the syllables of pinyin.
//!
//! Function words of everyday grammars, and the words customers of shops use most. A word that two
//! languages share stands in both; names, and words that English, French or pinyin share by chance
//! (me, he, long, die), stand only where they are frequent.

/// What tells one language.
pub(super) struct Words {
    /// ISO 639-1 code, or [`UNDETERMINED`](super::UNDETERMINED) for languages not told apart.
    pub(super) code: &'static str,
    /// Letters that none of the others has.
    pub(super) letters: &'static str,
    /// Words in lower case.
    pub(super) words: &'static str,
}

/// In the order in which ties are settled.
pub(super) const LANGUAGES: [Words; 7] = [
    Words {
        code: "en",
        letters: "",
        words: "a about address after again am an and any are arrive arrived at available bad be been before black
            blue bought box broken bought business but buy by call can cancel cannot card cash change charged cheap cheaper check code color
            colour come cost could coupon damaged date day days defective deliver delivered delivery did didn different discount
            do does doesn doesn't don don't done email exchange expired fast faulty find fix for free from get gift give good got great
            had has hasn hasn't have haven he hello help her here hey hi hours how human i i'm if in invoice is isn isn't it item its
            just know large last late left like link lost love made make many may me membership missing money more much must my name need never new
            nice no not now number of off ok okay on one only open or order ordered our out package paid parcel password pay
            payment paypal person phone please pls possible price problem product quality quick quickly reach real really receive
            received red refund return returned right same say says see sell send sent service she ship shipped shipping shop should size small so some
            someone something soon sorry speak still stock stop support take talk tell thank thanks that that's the their them
            there they thing this time to today tomorrow too track tracking two until update urgent use used very waiting want
            warranty was way we week weeks were what what's when where where's which white who why will with without won work
            working works would wrong x yellow yes yesterday yet you your",
    },
    Words {
        code: "es",
        letters: "ñ¿¡",
        words: "ayuda bien buenas buenos cambiar cambio cancelar color comprar con compra correo cuando cuándo cuanto cuánto cobraron de
            del descuento devolución devolucion devolver dia días dias dice diferente dinero dirección direccion donde dónde dos el
            ella en entrega entregado enviar envio envío es esta está estaba este esto factura favor funciona gracias
            gratis ha hablar hacer hasta hola la las le lo los llega llegado llegó llego mal mañana más mas me mi mis muy nada necesito no
            nunca otra otro para pago paquete pasa pedido pero persona pide por porque precio problema producto puedo que qué quiero
            recibí recibido reembolso roto se ser si sí sin sobre son stock su talla tarde tarjeta tengo tiene tienen tienda todavía todo
            tu un una usar veces y ya yo",
    },
    Words {
        code: "fr",
        letters: "œ",
        words: "à ai aide annuler après arrive arrivé au aussi avec avez avoir beaucoup besoin bien bon bonjour bonne bonsoir ça
            carte cassé ce cest ces cette changer cher chez code colis combien commande comment couleur coûte dans de
            depuis des donc du d echange échange elle en encore est et être facture faire faut fonctionne il j jai je jamais jour jours la
            le les leur livraison livré l ma mais manque marche merci mes moi mon ne n non nos notre nous on ou où paiement
            par parler pas payer pièce plus pour pourquoi pouvez produit promo puis quand que quel quelle qui quoi reçu remboursement
            remboursé remise retour retourner rien s sa salut sans se service si son sont suis sur svp taille
            toujours tout très trop un une va veux voudrais vos votre vous y",
    },
    Words {
        code: "de",
        letters: "äß",
        words: "aber adresse alles als am an angekommen artikel auch auf aus bei bekommen bestellt bestellung bin bitte brauche da danke das
            dass dem den der des die doch ein eine einem einen einer er es falsch falsche farbe fehlt funktioniert für
            geht geld gibt groß größe gut guten gutschein habe haben habt hallo hat heute ich ihr im immer in ist ja kann kaputt
            kein keine kommt kosten kostet kunden kundenservice lager lieferung mal man mein meine meinen meiner mit mitarbeiter möchte
            morgen nach nicht nichts noch nur oder ohne paket preis rechnung retoure schön schon schwarz sehr seit sie sind so sofort sprechen
            stornieren tag tage um und uns vom von wann war ware warum was wenn wer wie wieder wieviel wird wo wurde
            zahlen zu zum zur zurück zurückgeben ändern über",
    },
    Words {
        code: "vi",
        letters: "ăđơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ",
        words: "anh bao bao nhieu cho chua chưa co có còn con cua của dang don duoc em gia giao gio giúp giup hang hàng hoàn hoan huy không
            khong khi la là mau mình minh mua muon nao nhan oi ơi phi phí ship shop tien tôi toi tra xin ạ",
    },
    Words {
        code: "zh",
        letters: "",
        words: "anzhuang baoyou bangwo bu chaxun da dao daole daozhang daohuo de dianhua dingdan dizhi duo duoshao fahuo fapiao
            fuwu gei ge genghuan gongneng hai haimei hao haole huanhuo huiyuan hen ji jiage jian jifen jin jiu kefu keyi kuai kuaidi
            le ma mai meiyou mei na nali nar ne neng ni nihao nin ninhao pianyi qian qing qingwen qu rengong shangmen shenme
            shi shihou shijian shouhuo shouji shui ta tai tousu tui tuihuo tuikuan wei weishenme wo wode wuliu xiang xiangyao
            xie xiexie xiugai yao yijing yidian you youhui youhuiquan youma yunfei zai zaima zaina zen zenme zenyang zhe zhege zhifu zhongwen
            zhuan zhuanrengong zuo",
    },
    Words {
        code: super::UNDETERMINED,
        letters: "ãõşğıłąężźśćńțșřůåøæ",
        words: "ada adalah anda apa arrivato asla barang bestelling bezorgd bir bisa che chegou como czy da dibatalkan dia di dono dov
            dove dziękuję e een è está gdzie grazie het hoe ho ik il ini iade jest kapan kargo kiedy kirim kode mau meu
            mia mijn minha mio moja moje muito não nao ne nerede nerde nie niet obrigado onde ordine pacco paczka pedido per perché pesanan
            quando quero saya sipariş siparişim sono sudah tidak uang waar wanneer você",
    },
];

/// Initials with the finals that follow them; the first row holds syllables without an initial.
const SYLLABLES: [(&str, &str); 24] = [
    ("", "a ai an ang ao e ei en er o ou"),
    ("b", "a ai an ang ao ei en eng i ian iao ie in ing o u"),
    ("p", "a ai an ang ao ei en eng i ian iao ie in ing o ou u"),
    ("m", "a ai an ang ao e ei en eng i ian iao ie in ing iu o ou u"),
    ("f", "a an ang ei en eng o ou u"),
    ("d", "a ai an ang ao e ei en eng i ian iao ie ing iu ong ou u uan ui un uo"),
    ("t", "a ai an ang ao e eng i ian iao ie ing ong ou u uan ui un uo"),
    ("n", "a ai an ang ao e ei en eng i ian iang iao ie in ing iu ong ou u uan uo v ve"),
    ("l", "a ai an ang ao e ei eng i ia ian iang iao ie in ing iu o ong ou u uan un uo v ve"),
    ("g", "a ai an ang ao e ei en eng ong ou u ua uai uan uang ui un uo"),
    ("k", "a ai an ang ao e en eng ong ou u ua uai uan uang ui un uo"),
    ("h", "a ai an ang ao e ei en eng ong ou u ua uai uan uang ui un uo"),
    ("j", "i ia ian iang iao ie in ing iong iu u uan ue un"),
    ("q", "i ia ian iang iao ie in ing iong iu u uan ue un"),
    ("x", "i ia ian iang iao ie in ing iong iu u uan ue un"),
    ("zh", "a ai an ang ao e ei en eng i ong ou u ua uai uan uang ui un uo"),
    ("ch", "a ai an ang ao e en eng i ong ou u ua uai uan uang ui un uo"),
    ("sh", "a ai an ang ao e ei en eng i ou u ua uai uan uang ui un uo"),
    ("r", "an ang ao e en eng i ong ou u ua uan ui un uo"),
    ("z", "a ai an ang ao e ei en eng i ong ou u uan ui un uo"),
    ("c", "a ai an ang ao e en eng i ong ou u uan ui un uo"),
    ("s", "a ai an ang ao e en eng i ong ou u uan ui un uo"),
    ("y", "a an ang ao e i in ing o ong ou u uan ue un"),
    ("w", "a ai an ang ei en eng o u"),
];
/// Letters of the longest run read as one word; longer ones are no typing.
const MAX_LETTERS: usize = 64;
/// Letters of the longest syllable, zhuang.
const MAX_SYLLABLE: usize = 6;

/// The fewest pinyin syllables that spell `word`; `None` where none do. Only the first may lack an
/// initial, as the spelling rules want it without an apostrophe.
pub(super) fn syllables(word: &str) -> Option<usize> {
    if !word.is_ascii() || word.len() > MAX_LETTERS {
        return None;
    }
    let mut fewest = vec![None; word.len() + 1];
    fewest[0] = Some(0);
    for end in 1..=word.len() {
        fewest[end] = (end.saturating_sub(MAX_SYLLABLE)..end)
            .filter(|&start| is_syllable(&word[start..end], start == 0))
            .filter_map(|start| fewest[start].map(|n| n + 1))
            .min();
    }
    fewest[word.len()]
}

fn is_syllable(part: &str, is_first: bool) -> bool {
    SYLLABLES.iter().filter(|(initial, _)| is_first || !initial.is_empty()).any(
        |(initial, finals)| {
            part.strip_prefix(initial)
                .is_some_and(|rest| finals.split(' ').any(|known| known == rest))
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spells_pinyin() {
        let table = [
            ("wodekuaididaonalile", Some(8)),
            ("zhuang", Some(1)),
            ("fahuo", Some(2)),
            ("an", Some(1)),
            ("tienda", None),
            ("order", None),
            ("über", None),
        ];
        for (word, expected) in table {
            assert_eq!(syllables(word), expected, "{word}");
        }
    }
}
