use super::*;

/// Returns the keys of a dictionary.
fn parse<'v>(lines: &[&'v str]) -> Result<Vec<&'v [u8]>, ParseError> {
    let mut keys = Vec::new();
    parse_dictionary(lines.iter().map(|line| line.as_bytes()), |key, _| {
        keys.push(key);
        Ok(())
    })?;
    Ok(keys)
}

#[test]
fn members_of_all_types_are_parsed() {
    for member in [
        "a",
        "a=?0",
        "a=1",
        "a=-1",
        "a=1.5",
        "a=-0.125",
        "a=\"\"",
        "a=T/:x",
        "a=::",
        "a=:aGk=:",
        "a=@1",
        "a=@-1",
        "a=%\"\"",
        "a=%\"gr%c3%bc%22n\"",
        "a=()",
        "a=(1 ?1;b=:YQ==: \"x\");c",
        "a;b; c=1;  d=@1",
    ] {
        let line = format!("{member}, b=5 , {member}");
        assert_eq!(parse(&[&line]), Ok(vec![&b"a"[..], b"b", b"a"]), "{line:?}");
    }
    assert_eq!(parse(&["*a-1_.b"]), Ok(vec![&b"*a-1_.b"[..]]));
    assert_eq!(parse(&["", " \t", "a, b", "c"]), Ok(vec![&b"a"[..], b"b", b"c"]));
}

#[test]
fn malformed_dictionaries_are_rejected() {
    for line in [
        "a=60s",
        "a=1000000000000000",
        "a=",
        "a =60",
        "a= 60",
        "A=60",
        "a=+60",
        "a=60 a=60",
        "a=60; b=",
        "a=60;;a",
        "a=a ;x",
        "a=(a (b))",
        "a=((a))",
        "a=(a",
        "a=(a;",
        "a=(a,b)",
        "a=(\"a\"\"b\")",
        "a=(a\tb)",
        "a=\"a",
        r#"a="a\"#,
        r#"a="a\n""#,
        "a,",
        ",a",
        "a,,b",
        ",",
        "=1",
        "1=a",
        "a=?",
        "a=?2",
        "a=?10",
        "a=-",
        "a=1.",
        "a=.5",
        "a=1.2345",
        "a=1234567890123.0",
        "a=1.2.3",
        "a=:",
        "a=:a b:",
        "a=@",
        "a=@1.5",
        "a=%",
        "a=%\"",
        "a=%\"%C3\"",
        "a=%\"%c",
        "a=!",
        "a;",
        "a;B",
        "a;b=",
        "\u{1f980}",
    ] {
        assert!(parse(&[line]).is_err(), "{line:?}");
        assert!(parse(&["b=60", line, "c"]).is_err(), "{line:?}");
    }
    assert!(parse(&["a=(a", "b)"]).is_err());
    assert!(parse(&["a=\"a", "b\""]).is_err());
}

#[test]
fn errors_have_a_message_and_a_position() {
    let error = parse(&["a", "b,"]).unwrap_err();
    assert_eq!(error.to_string(), "trailing comma, near byte 3 of line 2");
    let error =
        parse_dictionary([&b"a, b=1"[..]], |key, _| if key == b"b" { Err("wrong type") } else { Ok(()) });
    assert_eq!(error.unwrap_err().to_string(), "wrong type, near byte 4 of line 1");
}
