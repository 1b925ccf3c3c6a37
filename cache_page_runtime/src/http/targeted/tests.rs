use super::*;

fn parse(lines: &[&str]) -> Result<TargetedCacheControl, String> {
    let lines: Vec<HeaderValue> = lines.iter().map(|line| HeaderValue::from_str(line).unwrap()).collect();
    TargetedCacheControl::parse(&lines).map_err(|malformed| malformed.to_string())
}

fn read(line: &str) -> TargetedCacheControl {
    parse(&[line]).unwrap_or_else(|malformed| panic!("{line:?}: {malformed}"))
}

fn seconds(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}

#[test]
fn reads_every_member() {
    let all = "max-age=60, stale-while-revalidate=30,stale-if-error=300\t,\ttags=(\"posts\" \"post:1\"), \
                   vary=(\"Accept-Language\" dnt)";
    let told = TargetedCacheControl {
        no_store: false,
        ttl: seconds(60),
        stale_while_revalidate: seconds(30),
        stale_if_error: seconds(300),
        tags: vec!["posts".into(), "post:1".into()],
        vary: vec![HeaderName::from_static("accept-language"), HeaderName::from_static("dnt")],
    };
    assert_eq!(read(all), told);
    assert_eq!(parse(&all.split(", ").collect::<Vec<_>>()), Ok(told));
    for nothing in [&[][..], &[""], &[" ", "", "\t"], &["no-store=?0, vary=(), tags=( )"]] {
        assert_eq!(parse(nothing), Ok(TargetedCacheControl::default()), "{nothing:?}");
    }
}

#[test]
fn the_more_specific_ttl_wins_and_then_the_last() {
    for (line, ttl) in [
        ("s-maxage=5, max-age=60", 5),
        ("max-age=60, s-maxage=500", 500),
        ("max-age=60, max-age=5, max-age=7", 7),
        ("max-age=-0", 0),
        ("max-age=0060", 60),
        ("max-age=999999999999999", 999_999_999_999_999),
    ] {
        assert_eq!(read(line).ttl, seconds(ttl), "{line:?}");
    }
    assert_eq!(parse(&["max-age=60", "", "max-age=5"]).unwrap().ttl, seconds(5));
    assert_eq!(read("tags=a, tags=(b)").tags, ["b"]);
    assert_eq!(read("vary=dnt, vary=(host)").vary, ["host"]);
}

#[test]
fn any_no_stays() {
    for line in [
        "no-store",
        "no-store=?1",
        "no-cache",
        "private;a=1",
        "private=\"x-user\"",
        "no-cache=(\"a\" b)",
        "no-store, no-store=?0",
        "max-age=60, private, max-age=5",
        "vary=*",
        "vary=(\"*\" dnt)",
        "vary=*, vary=dnt",
    ] {
        assert!(read(line).no_store, "{line:?}");
    }
    assert!(parse(&["private", "private=?0"]).unwrap().no_store);
    assert!(!read("no-stores, private-ish, x=no-store, y=(no-store), z;no-store, tags=no-store").no_store);
}

#[test]
fn what_must_be_revalidated_is_never_stale() {
    for line in ["must-revalidate", "stale-if-error=5, proxy-revalidate, stale-while-revalidate=5"] {
        let TargetedCacheControl { stale_while_revalidate, stale_if_error, .. } = read(line);
        assert_eq!((stale_while_revalidate, stale_if_error), (seconds(0), seconds(0)), "{line:?}");
    }
    let told = read("must-revalidate, stale-if-error=5, must-revalidate=?0");
    assert_eq!((told.stale_while_revalidate, told.stale_if_error), (None, seconds(5)));
}

#[test]
fn names_are_strings_or_tokens_alone_or_in_a_list() {
    assert_eq!(read("tags=posts").tags, ["posts"]);
    assert_eq!(read("tags=\"a, b\"").tags, ["a, b"]);
    assert_eq!(read("tags=(  post:1;x  \"post/2\";y=\"z\" *);q=1").tags, ["post:1", "post/2", "*"]);
    assert_eq!(read(r#"tags=("a\"b" "c\\" "")"#).tags, ["a\"b", "c\\", ""]);
    assert_eq!(read("vary=X-Tenant").vary, ["x-tenant"]);
}

#[test]
fn members_of_other_names_may_be_of_any_type() {
    for other in [
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
        "*a-1_.b",
        "a;b; c=1;  d=@1",
    ] {
        let line = format!("{other}, max-age=5 , {other}");
        assert_eq!(
            read(&line),
            TargetedCacheControl { ttl: seconds(5), ..TargetedCacheControl::default() },
            "{line:?}"
        );
    }
}

#[test]
fn what_does_not_fit_is_malformed() {
    for line in [
        "max-age",
        "max-age=\"60\"",
        "max-age=1.5",
        "max-age=-1",
        "max-age=(60)",
        "max-age=60s",
        "max-age=1000000000000000",
        "max-age=",
        "max-age =60",
        "max-age= 60",
        "Max-Age=60",
        "max-age=+60",
        "max-age=\"60\", max-age=60",
        "max-age=60 max-age=60",
        "max-age=60; no-store=",
        "max-age=60;;a",
        "tags=a ;x",
        "no-store=1",
        "no-store=\"\"",
        "private=1",
        "must-revalidate=x",
        "tags",
        "tags=1",
        "tags=(1)",
        "tags=(a (b))",
        "tags=((a))",
        "tags=(a",
        "tags=(a;",
        "tags=(a,b)",
        "tags=(\"a\"\"b\")",
        "tags=(a\tb)",
        "tags=\"a",
        r#"tags="a\"#,
        r#"tags="a\n""#,
        "vary=\"\"",
        "vary=(\"a b\")",
        r#"vary="a\"b""#,
        "vary=a:b",
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
        assert!(parse(&["max-age=60", line, "no-store"]).is_err(), "{line:?}");
    }
    assert!(parse(&["tags=(a", "b)"]).is_err());
    assert!(parse(&["tags=\"a", "b\""]).is_err());
}

#[test]
fn it_says_what_is_wrong_and_where() {
    assert_eq!(
        parse(&["a, max-age=\"6\""]),
        Err("not a whole number of seconds, near byte 4 of line 1".into())
    );
    assert_eq!(parse(&["a", "b,"]), Err("a comma, and nothing behind it, near byte 3 of line 2".into()));
}

#[test]
fn it_takes_no_longer_than_the_line_is_long() {
    let long = |before: &str, each: &str| format!("{before}{}", each.repeat(1_000_000 / each.len()));
    for line in [
        long("tags=", "("),
        long("tags=(", "a "),
        long("a", ";a"),
        long("a", ",a"),
        long("a=\"", "\\\\"),
        long("a=%\"", "%20"),
        long("a=", "9"),
        long("a=:", "a"),
        long("vary=(", "a "),
        long("a", " "),
    ] {
        let _ = parse(&[&line]);
    }
}

#[test]
fn no_bytes_make_it_panic() {
    const SAMPLES: [&[u8]; 6] = [
        b"max-age=60, s-maxage=5;a=1, stale-while-revalidate=30, stale-if-error=30",
        b"no-store, no-cache=?1, private=(\"a\"), must-revalidate, proxy-revalidate=?0",
        b"tags=(\"posts\" \"post:1\" a\\b), vary=(\"accept-language\" dnt;x=y);z",
        b"a=:aGk=:, b=@-17, c=%\"%c3%bc\", d=-1.25, e=\"q\\\"q\\\\\", *f=T/:",
        b",;=()\"\\?@:%*-. \t09azAZ",
        b"\x00\x1f\x7f\x80\xff",
    ];
    let mut state = 0x5eed_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let mut well_formed = 0;
    for _ in 0..10_000 {
        let mut line = SAMPLES[random(SAMPLES.len() - 2)].to_vec();
        for _ in 0..random(4) {
            let other = SAMPLES[random(SAMPLES.len())];
            let byte = other[random(other.len())];
            let at = random(line.len());
            match random(4) {
                0 => line[at] = byte,
                1 => line.insert(at, byte),
                2 if line.len() > 1 => drop(line.remove(at)),
                _ => line.truncate(at + 1),
            }
        }
        let (front, back) = line.split_at(random(line.len()));
        match TargetedCacheControl::parse_bytes([&line[..]]) {
            Ok(_) => well_formed += 1,
            Err(ParseError { what, line: number, byte }) => {
                assert!(!what.is_empty() && number == 1 && (1..=line.len() + 1).contains(&byte));
            }
        }
        let _ = TargetedCacheControl::parse_bytes([front, back]);
    }
    assert!((500..9_500).contains(&well_formed), "{well_formed}");
}
