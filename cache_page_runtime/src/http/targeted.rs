//! What a handler says to this cache alone, in a header that is not sent (RFC 9213).
//!
//! The header is a Dictionary of Structured Fields (RFC 9651), which has no two readings: where it is not what the
//! grammar says, nothing of it counts, and the caller is told where. Values of all types are read, for what is ignored
//! must be well-formed too. There is nothing to recurse into, and no byte is looked at more than a few times.

use std::{borrow::Cow, fmt, str, time::Duration};

use http::header::{HeaderName, HeaderValue};

/// What a handler said to this cache.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct TargetedCacheControl {
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
pub(crate) struct ParseError {
    what: &'static str,
    /// Both from one.
    line: usize,
    byte: usize,
}

impl TargetedCacheControl {
    /// All lines are one dictionary, where the last of several members of a name wins. All of them must fit.
    ///
    /// A line is never the middle of a string, which RFC 9651 leaves open: where a line ends is not up to who wrote it.
    pub(crate) fn parse<'v>(lines: impl IntoIterator<Item = &'v HeaderValue>) -> Result<Self, ParseError> {
        Self::parse_bytes(lines.into_iter().map(HeaderValue::as_bytes))
    }

    fn parse_bytes<'v>(lines: impl IntoIterator<Item = &'v [u8]>) -> Result<Self, ParseError> {
        let mut members = Members::default();
        for (index, line) in lines.into_iter().enumerate() {
            let mut rest = Parser(line);
            members.read(&mut rest).map_err(|what| ParseError {
                what,
                line: index + 1,
                byte: line.len().saturating_sub(rest.0.len()) + 1,
            })?;
        }
        Ok(members.said())
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, near byte {} of line {}", self.what, self.byte, self.line)
    }
}

/// What is wrong. It is where the reading stopped, or in the member that begins there.
type ParseResult<T> = Result<T, &'static str>;

const KEY: &str = "a member has no name, or one with other than small letters";
const LIST: &str = "a list is not closed, or what is in it not apart";
const NAMES: &str = "neither a string nor a list of strings";
const NUMBER: &str = "a number that is none, or too long";
const SECONDS: &str = "not a whole number of seconds";

/// The members that mean something here, as far as they were read.
#[derive(Default)]
struct Members {
    said: TargetedCacheControl,
    max_age: Option<Duration>,
    s_maxage: Option<Duration>,
    must_revalidate: bool,
    proxy_revalidate: bool,
}

impl Members {
    /// One line (RFC 9651 4.2.2). An empty one adds nothing.
    fn read(&mut self, rest: &mut Parser<'_>) -> ParseResult<()> {
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

    fn add(&mut self, key: &[u8], value: Value<'_>) -> ParseResult<()> {
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

    fn vary(&mut self, value: Value<'_>) -> ParseResult<()> {
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

    fn said(self) -> TargetedCacheControl {
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
    fn seconds(&self) -> ParseResult<Duration> {
        match self {
            Self::Item(Item::Integer(seconds)) => {
                u64::try_from(*seconds).map(Duration::from_secs).map_err(|_| SECONDS)
            }
            _ => Err(SECONDS),
        }
    }

    fn is_so(&self) -> ParseResult<bool> {
        match self {
            Self::Item(Item::Boolean(is_so)) => Ok(*is_so),
            _ => Err("neither true nor false"),
        }
    }

    fn says_so_or_names(self) -> ParseResult<bool> {
        match self {
            Self::Item(Item::Boolean(is_so)) => Ok(is_so),
            value => value.names().map(|_| true),
        }
    }

    fn names(self) -> ParseResult<Vec<Cow<'v, str>>> {
        let items = match self {
            Self::Item(item) => vec![item],
            Self::List(items) => items,
        };
        let name = |item| if let Item::Text(name) = item { Ok(name) } else { Err(NAMES) };
        items.into_iter().map(name).collect()
    }
}

/// What is left of a line.
struct Parser<'v>(&'v [u8]);

impl<'v> Parser<'v> {
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

    fn key(&mut self) -> ParseResult<&'v [u8]> {
        match self.0.first() {
            Some(b'a'..=b'z' | b'*') => {
                Ok(self.run(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'*')))
            }
            _ => Err(KEY),
        }
    }

    fn value(&mut self) -> ParseResult<Value<'v>> {
        if self.take(b'(') { self.list().map(Value::List) } else { self.item().map(Value::Item) }
    }

    /// Behind its parenthesis. What is in a list is no list.
    fn list(&mut self) -> ParseResult<Vec<Item<'v>>> {
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
    fn parameters(&mut self) -> ParseResult<()> {
        while self.take(b';') {
            self.skip(|byte| byte == b' ');
            self.key()?;
            if self.take(b'=') {
                self.item()?;
            }
        }
        Ok(())
    }

    fn item(&mut self) -> ParseResult<Item<'v>> {
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
    fn number(&mut self) -> ParseResult<Item<'v>> {
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

    fn string(&mut self) -> ParseResult<Cow<'v, str>> {
        const UNTERMINATED: &str = "a string is not closed, or has more in it than ASCII";
        self.next();
        let mut text = Cow::Borrowed("");
        loop {
            text += ascii(self.run(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')));
            if self.take(b'"') {
                return Ok(text);
            }
            if !self.take(b'\\') {
                return Err(UNTERMINATED);
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

    fn boolean(&mut self) -> ParseResult<Item<'v>> {
        self.next();
        match (self.take(b'1'), self.take(b'0')) {
            (true, false) => Ok(Item::Boolean(true)),
            (false, true) => Ok(Item::Boolean(false)),
            _ => Err("neither ?1 nor ?0"),
        }
    }

    fn bytes(&mut self) -> ParseResult<Item<'v>> {
        self.next();
        self.skip(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='));
        if self.take(b':') { Ok(Item::Other) } else { Err("bytes are not closed, or no base64") }
    }

    fn date(&mut self) -> ParseResult<Item<'v>> {
        self.next();
        match self.number()? {
            Item::Integer(_) => Ok(Item::Other),
            _ => Err("a date with parts of seconds"),
        }
    }

    fn display_string(&mut self) -> ParseResult<Item<'v>> {
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
mod tests;
