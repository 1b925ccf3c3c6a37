//! What a handler says to this cache alone, in a header that is not sent (RFC 9213).
//!
//! The header is a Dictionary of Structured Fields (RFC 9651), which has no two readings: where it is not what the
//! grammar says, nothing of it counts, and the caller is told where. Values of all types are read, for what is ignored
//! must be well-formed too. There is nothing to recurse into, and no byte is looked at more than a few times.

use std::{borrow::Cow, fmt, str, time::Duration};

use http::header::{HeaderName, HeaderValue};

/// What a handler said to this cache.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Targeted {
    /// Any word that says no, and once said it stays.
    pub(crate) no_store: bool,
    pub(crate) ttl: Option<Duration>,
    pub(crate) stale_while_revalidate: Option<Duration>,
    pub(crate) stale_if_error: Option<Duration>,
    pub(crate) tags: Vec<String>,
    pub(crate) vary: Vec<HeaderName>,
}

/// Why a header is no word to this cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    what: &'static str,
    /// Both from one.
    line: usize,
    byte: usize,
}

impl Targeted {
    /// All lines are one dictionary, where the last of several members of a name wins. All of them must fit.
    ///
    /// A line is never the middle of a string, which RFC 9651 leaves open: where a line ends is not up to who wrote it.
    pub(crate) fn parse<'v>(lines: impl IntoIterator<Item = &'v HeaderValue>) -> Result<Self, Malformed> {
        Self::parse_bytes(lines.into_iter().map(HeaderValue::as_bytes))
    }

    fn parse_bytes<'v>(lines: impl IntoIterator<Item = &'v [u8]>) -> Result<Self, Malformed> {
        let mut members = Members::default();
        for (index, line) in lines.into_iter().enumerate() {
            let mut rest = Rest(line);
            members.read(&mut rest).map_err(|what| Malformed {
                what,
                line: index + 1,
                byte: line.len().saturating_sub(rest.0.len()) + 1,
            })?;
        }
        Ok(members.said())
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, near byte {} of line {}", self.what, self.byte, self.line)
    }
}

/// What is wrong. It is where the reading stopped, or in the member that begins there.
type Read<T> = Result<T, &'static str>;

const KEY: &str = "a member has no name, or one with other than small letters";
const LIST: &str = "a list is not closed, or what is in it not apart";
const NAMES: &str = "neither a string nor a list of strings";
const NUMBER: &str = "a number that is none, or too long";
const SECONDS: &str = "not a whole number of seconds";

/// The members that mean something here, as far as they were read.
#[derive(Default)]
struct Members {
    said: Targeted,
    max_age: Option<Duration>,
    s_maxage: Option<Duration>,
    must_revalidate: bool,
    proxy_revalidate: bool,
}

impl Members {
    /// One line (RFC 9651 4.2.2). An empty one adds nothing.
    fn read(&mut self, rest: &mut Rest<'_>) -> Read<()> {
        rest.skip(is_blank);
        while !rest.0.is_empty() {
            let member = rest.0;
            let key = rest.key()?;
            let value = if rest.take(b'=') { rest.value()? } else { Value::Item(Item::Boolean(true)) };
            self.add(key, value).inspect_err(|_| rest.0 = member)?;
            rest.parameters()?;
            rest.skip(is_blank);
            if rest.0.is_empty() {
                break;
            }
            if !rest.take(b',') {
                return Err("no comma behind a member");
            }
            rest.skip(is_blank);
            if rest.0.is_empty() {
                return Err("a comma, and nothing behind it");
            }
        }
        Ok(())
    }

    fn add(&mut self, key: &[u8], value: Value<'_>) -> Read<()> {
        match key {
            b"max-age" => self.max_age = Some(value.seconds()?),
            b"s-maxage" => self.s_maxage = Some(value.seconds()?),
            b"stale-while-revalidate" => self.said.stale_while_revalidate = Some(value.seconds()?),
            b"stale-if-error" => self.said.stale_if_error = Some(value.seconds()?),
            b"no-store" => self.said.no_store |= value.is_so()?,
            // Those two may name the headers that they are about (RFC 9111 5.2.2.4, 5.2.2.7): here that is the page.
            b"no-cache" | b"private" => self.said.no_store |= value.says_so_or_names()?,
            b"must-revalidate" => self.must_revalidate = value.is_so()?,
            b"proxy-revalidate" => self.proxy_revalidate = value.is_so()?,
            b"tags" => self.said.tags = value.names()?.into_iter().map(Cow::into_owned).collect(),
            b"vary" => self.vary(value)?,
            _ => {}
        }
        Ok(())
    }

    fn vary(&mut self, value: Value<'_>) -> Read<()> {
        self.said.vary.clear();
        for name in value.names()? {
            // On what is in no header: as `Vary: *`, it cannot be kept.
            if name == "*" {
                self.said.no_store = true;
                continue;
            }
            match HeaderName::from_bytes(name.as_bytes()) {
                // A quote is part of no name (RFC 9110 5.6.2), whatever `HeaderName` takes it for.
                Ok(header) if !name.contains('"') => self.said.vary.push(header),
                _ => return Err("not the name of a header"),
            }
        }
        Ok(())
    }

    fn said(self) -> Targeted {
        let Self { mut said, max_age, s_maxage, must_revalidate, proxy_revalidate } = self;
        said.ttl = s_maxage.or(max_age);
        if must_revalidate || proxy_revalidate {
            said.stale_while_revalidate = Some(Duration::ZERO);
            said.stale_if_error = Some(Duration::ZERO);
        }
        said
    }
}

enum Value<'v> {
    Item(Item<'v>),
    List(Vec<Item<'v>>),
}

/// One of RFC 9651's bare items.
enum Item<'v> {
    Integer(i64),
    Boolean(bool),
    /// A String or a Token: a handler's author should not have to know which.
    Text(Cow<'v, str>),
    /// That no member is made of which means something here.
    Other,
}

impl<'v> Value<'v> {
    fn seconds(&self) -> Read<Duration> {
        match self {
            Self::Item(Item::Integer(seconds)) => {
                u64::try_from(*seconds).map(Duration::from_secs).map_err(|_| SECONDS)
            }
            _ => Err(SECONDS),
        }
    }

    fn is_so(&self) -> Read<bool> {
        match self {
            Self::Item(Item::Boolean(is_so)) => Ok(*is_so),
            _ => Err("neither true nor false"),
        }
    }

    fn says_so_or_names(self) -> Read<bool> {
        match self {
            Self::Item(Item::Boolean(is_so)) => Ok(is_so),
            value => value.names().map(|_| true),
        }
    }

    fn names(self) -> Read<Vec<Cow<'v, str>>> {
        let items = match self {
            Self::Item(item) => vec![item],
            Self::List(items) => items,
        };
        let name = |item| if let Item::Text(name) = item { Ok(name) } else { Err(NAMES) };
        items.into_iter().map(name).collect()
    }
}

/// What is left of a line.
struct Rest<'v>(&'v [u8]);

impl<'v> Rest<'v> {
    fn next(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    /// That byte, if it is the next.
    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.0.first() == Some(&byte);
        if is_next {
            self.next();
        }
        is_next
    }

    /// All bytes up to the first that is not so.
    fn run(&mut self, is_so: impl Fn(u8) -> bool) -> &'v [u8] {
        let end = self.0.iter().position(|&byte| !is_so(byte)).unwrap_or(self.0.len());
        let (run, rest) = self.0.split_at(end);
        self.0 = rest;
        run
    }

    fn skip(&mut self, is_so: impl Fn(u8) -> bool) {
        self.run(is_so);
    }

    fn key(&mut self) -> Read<&'v [u8]> {
        match self.0.first() {
            Some(b'a'..=b'z' | b'*') => {
                Ok(self.run(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'*')))
            }
            _ => Err(KEY),
        }
    }

    fn value(&mut self) -> Read<Value<'v>> {
        if self.take(b'(') { self.list().map(Value::List) } else { self.item().map(Value::Item) }
    }

    /// Behind its parenthesis. What is in a list is no list.
    fn list(&mut self) -> Read<Vec<Item<'v>>> {
        let mut items = Vec::new();
        loop {
            self.skip(|byte| byte == b' ');
            if self.take(b')') {
                return Ok(items);
            }
            if self.0.is_empty() {
                return Err(LIST);
            }
            items.push(self.item()?);
            self.parameters()?;
            if !matches!(self.0.first(), Some(b' ' | b')')) {
                return Err(LIST);
            }
        }
    }

    /// They mean nothing here.
    fn parameters(&mut self) -> Read<()> {
        while self.take(b';') {
            self.skip(|byte| byte == b' ');
            self.key()?;
            if self.take(b'=') {
                self.item()?;
            }
        }
        Ok(())
    }

    fn item(&mut self) -> Read<Item<'v>> {
        match self.0.first() {
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'a'..=b'z' | b'A'..=b'Z' | b'*') => {
                Ok(Item::Text(Cow::Borrowed(ascii(self.run(is_of_a_token)))))
            }
            Some(b'"') => self.string().map(Item::Text),
            Some(b'?') => self.boolean(),
            Some(b':') => self.bytes(),
            Some(b'@') => self.date(),
            Some(b'%') => self.display_string(),
            _ => Err("no value"),
        }
    }

    /// An Integer of at most 15 digits, or a Decimal of at most 12 and 3.
    fn number(&mut self) -> Read<Item<'v>> {
        let is_negative = self.take(b'-');
        let whole = self.run(|byte| byte.is_ascii_digit());
        if self.take(b'.') {
            let part = self.run(|byte| byte.is_ascii_digit());
            let is_so = (1..=12).contains(&whole.len()) && (1..=3).contains(&part.len());
            return if is_so { Ok(Item::Other) } else { Err(NUMBER) };
        }
        if !(1..=15).contains(&whole.len()) {
            return Err(NUMBER);
        }
        let size = whole.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0'));
        Ok(Item::Integer(if is_negative { -size } else { size }))
    }

    fn string(&mut self) -> Read<Cow<'v, str>> {
        const OPEN: &str = "a string is not closed, or has more in it than ASCII";
        self.next();
        let mut text = Cow::Borrowed("");
        loop {
            text += ascii(self.run(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')));
            if self.take(b'"') {
                return Ok(text);
            }
            if !self.take(b'\\') {
                return Err(OPEN);
            }
            if self.take(b'"') {
                text += "\"";
            } else if self.take(b'\\') {
                text += "\\";
            } else {
                return Err("a backslash before what needs none");
            }
        }
    }

    fn boolean(&mut self) -> Read<Item<'v>> {
        self.next();
        match (self.take(b'1'), self.take(b'0')) {
            (true, false) => Ok(Item::Boolean(true)),
            (false, true) => Ok(Item::Boolean(false)),
            _ => Err("neither ?1 nor ?0"),
        }
    }

    fn bytes(&mut self) -> Read<Item<'v>> {
        self.next();
        self.skip(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='));
        if self.take(b':') { Ok(Item::Other) } else { Err("bytes are not closed, or no base64") }
    }

    fn date(&mut self) -> Read<Item<'v>> {
        self.next();
        match self.number()? {
            Item::Integer(_) => Ok(Item::Other),
            _ => Err("a date with parts of seconds"),
        }
    }

    fn display_string(&mut self) -> Read<Item<'v>> {
        const WRONG: &str = "a display string is not what it should be";
        self.next();
        if !self.take(b'"') {
            return Err(WRONG);
        }
        loop {
            self.skip(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'%'));
            match self.0 {
                [b'"', rest @ ..] => {
                    self.0 = rest;
                    return Ok(Item::Other);
                }
                [b'%', b'0'..=b'9' | b'a'..=b'f', b'0'..=b'9' | b'a'..=b'f', rest @ ..] => self.0 = rest,
                _ => return Err(WRONG),
            }
        }
    }
}

/// Between the members of a dictionary, and around them.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn is_of_a_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&byte)
}

/// Only of what was found to be ASCII.
fn ascii(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(lines: &[&str]) -> Result<Targeted, String> {
        let lines: Vec<HeaderValue> = lines.iter().map(|line| HeaderValue::from_str(line).unwrap()).collect();
        Targeted::parse(&lines).map_err(|malformed| malformed.to_string())
    }

    fn read(line: &str) -> Targeted {
        parse(&[line]).unwrap_or_else(|malformed| panic!("{line:?}: {malformed}"))
    }

    fn seconds(seconds: u64) -> Option<Duration> {
        Some(Duration::from_secs(seconds))
    }

    #[test]
    fn reads_every_member() {
        let all = "max-age=60, stale-while-revalidate=30,stale-if-error=300\t,\ttags=(\"posts\" \"post:1\"), \
                   vary=(\"Accept-Language\" dnt)";
        let told = Targeted {
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
            assert_eq!(parse(nothing), Ok(Targeted::default()), "{nothing:?}");
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
        assert!(
            !read("no-stores, private-ish, x=no-store, y=(no-store), z;no-store, tags=no-store").no_store
        );
    }

    #[test]
    fn what_must_be_revalidated_is_never_stale() {
        for line in ["must-revalidate", "stale-if-error=5, proxy-revalidate, stale-while-revalidate=5"] {
            let Targeted { stale_while_revalidate, stale_if_error, .. } = read(line);
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
            assert_eq!(read(&line), Targeted { ttl: seconds(5), ..Targeted::default() }, "{line:?}");
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
            match Targeted::parse_bytes([&line[..]]) {
                Ok(_) => well_formed += 1,
                Err(Malformed { what, line: number, byte }) => {
                    assert!(!what.is_empty() && number == 1 && (1..=line.len() + 1).contains(&byte));
                }
            }
            let _ = Targeted::parse_bytes([front, back]);
        }
        assert!((500..9_500).contains(&well_formed), "{well_formed}");
    }
}
