use super::*;

fn parse(values: &[&str]) -> Result<TargetedCacheControl, String> {
    let values: Vec<_> = values.iter().map(|value| HeaderValue::from_str(value).unwrap()).collect();
    TargetedCacheControl::parse(&values).map_err(|error| error.to_string())
}

fn parse_valid(value: &str) -> TargetedCacheControl {
    parse(&[value]).unwrap_or_else(|error| panic!("{value:?}: {error}"))
}

fn some_seconds(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}

#[test]
fn all_members_are_parsed() {
    let all = "max-age=60, stale-while-revalidate=30,stale-if-error=300\t,\ttags=(\"posts\" \"post:1\"), \
                   vary=(\"Accept-Language\" dnt)";
    let expected = TargetedCacheControl {
        no_store: false,
        has_directives: true,
        ttl: some_seconds(60),
        stale_while_revalidate: some_seconds(30),
        stale_if_error: some_seconds(300),
        tags: vec!["posts".into(), "post:1".into()],
        vary: vec![HeaderName::from_static("accept-language"), HeaderName::from_static("dnt")],
    };
    assert_eq!(parse_valid(all), expected);
    assert_eq!(parse(&all.split(", ").collect::<Vec<_>>()), Ok(expected));
    for empty in [&[][..], &[""], &[" ", "", "\t"], &["vary=(), tags=( )"]] {
        assert_eq!(parse(empty), Ok(TargetedCacheControl::default()), "{empty:?}");
    }
}

#[test]
fn members_of_this_cache_alone_are_no_directives() {
    for value in ["no-store=?0", "max-age=0", "public", "tags=a, must-understand", "stale-if-error=5"] {
        assert!(parse_valid(value).has_directives, "{value:?}");
    }
    for value in ["", "tags=(a b)", "vary=dnt", "tags=a, unknown=5", "tags=no-store"] {
        assert!(!parse_valid(value).has_directives, "{value:?}");
    }
}

#[test]
fn s_maxage_wins_and_then_the_last_member() {
    for (value, ttl) in [
        ("s-maxage=5, max-age=60", 5),
        ("max-age=60, s-maxage=500", 500),
        ("max-age=60, max-age=5, max-age=7", 7),
        ("max-age=-0", 0),
        ("max-age=0060", 60),
        ("max-age=999999999999999", 999_999_999_999_999),
    ] {
        assert_eq!(parse_valid(value).ttl, some_seconds(ttl), "{value:?}");
    }
    assert_eq!(parse(&["max-age=60", "", "max-age=5"]).unwrap().ttl, some_seconds(5));
    assert_eq!(parse_valid("tags=a, tags=(b)").tags, ["b"]);
    assert_eq!(parse_valid("vary=dnt, vary=(host)").vary, ["host"]);
}

#[test]
fn any_member_can_forbid_storing() {
    for value in [
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
        assert!(parse_valid(value).no_store, "{value:?}");
    }
    assert!(parse(&["private", "private=?0"]).unwrap().no_store);
    assert!(
        !parse_valid("no-stores, private-ish, x=no-store, y=(no-store), z;no-store, tags=no-store").no_store
    );
}

#[test]
fn must_revalidate_clears_the_stale_windows() {
    for value in ["must-revalidate", "stale-if-error=5, proxy-revalidate, stale-while-revalidate=5"] {
        let TargetedCacheControl { stale_while_revalidate, stale_if_error, .. } = parse_valid(value);
        assert_eq!((stale_while_revalidate, stale_if_error), (some_seconds(0), some_seconds(0)), "{value:?}");
    }
    let parsed = parse_valid("must-revalidate, stale-if-error=5, must-revalidate=?0");
    assert_eq!((parsed.stale_while_revalidate, parsed.stale_if_error), (None, some_seconds(5)));
}

#[test]
fn tags_and_vary_accept_strings_tokens_and_lists() {
    assert_eq!(parse_valid("tags=posts").tags, ["posts"]);
    assert_eq!(parse_valid("tags=\"a, b\"").tags, ["a, b"]);
    assert_eq!(parse_valid("tags=(  post:1;x  \"post/2\";y=\"z\" *);q=1").tags, ["post:1", "post/2", "*"]);
    assert_eq!(parse_valid(r#"tags=("a\"b" "c\\" "")"#).tags, ["a\"b", "c\\", ""]);
    assert_eq!(parse_valid("vary=X-Tenant").vary, ["x-tenant"]);
}

#[test]
fn unknown_members_and_parameters_are_ignored() {
    for unknown in ["a", "a=1.5", "a=(1 ?1;b=:YQ==: \"x\");c", "max-ages=1", "a;max-age=1"] {
        let value = format!("{unknown}, max-age=5 , {unknown}");
        let expected = TargetedCacheControl {
            has_directives: true,
            ttl: some_seconds(5),
            ..TargetedCacheControl::default()
        };
        assert_eq!(parse_valid(&value), expected, "{value:?}");
    }
}

#[test]
fn members_of_the_wrong_type_are_rejected() {
    for value in [
        "max-age",
        "max-age=\"60\"",
        "max-age=1.5",
        "max-age=-1",
        "max-age=(60)",
        "max-age=\"60\", max-age=60",
        "no-store=1",
        "no-store=\"\"",
        "private=1",
        "must-revalidate=x",
        "tags",
        "tags=1",
        "tags=(1)",
        "vary=\"\"",
        "vary=(\"a b\")",
        r#"vary="a\"b""#,
        "vary=a:b",
    ] {
        assert!(parse(&[value]).is_err(), "{value:?}");
        assert!(parse(&["max-age=60", value, "no-store"]).is_err(), "{value:?}");
    }
    let error = "expected a non-negative whole number of seconds, near byte 4 of line 1";
    assert_eq!(parse(&["a, max-age=\"6\""]), Err(error.into()));
}

#[test]
fn long_values_are_parsed_in_linear_time() {
    let long = |before: &str, each: &str| format!("{before}{}", each.repeat(1_000_000 / each.len()));
    for value in [
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
        let _ = parse(&[&value]);
    }
}

#[test]
fn mutated_values_do_not_panic() {
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
            Err(ParseError { message, line: number, byte }) => {
                assert!(!message.is_empty() && number == 1 && (1..=line.len() + 1).contains(&byte));
            }
        }
        let _ = TargetedCacheControl::parse_bytes([front, back]);
    }
    assert!((500..9_500).contains(&well_formed), "{well_formed}");
}
