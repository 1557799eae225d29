//! The executable from the outside.

use std::io::Write;
use std::process::{Command, Stdio};

#[test]
fn text_normalize_writes_a_line_for_each_line() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_fenzhen"))
        .args(["text", "normalize"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all("請問　發貨！！！！\n\nＡ\n".as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "请问 发货!!\n\na\n");
}
