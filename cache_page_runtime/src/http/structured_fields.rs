//! Dictionaries and lists of Structured Fields (RFC 9651).
//!
//! Parsing is strict: a malformed field is an error, and nothing of it may be used. Values of all types are parsed, because
//! members and parameters that are ignored must be well-formed too. Parsing does not recurse, and its time is linear in the length
//! of the field.

use std::{borrow::Cow, fmt, str};

use super::syntax::{is_tchar, parse_digits};

/// The value of a dictionary member.
pub(crate) enum Value<'v> {
    Item(Item<'v>),
    InnerList(Vec<Item<'v>>),
}

/// A bare item.
pub(crate) enum Item<'v> {
    Integer(i64),
    Boolean(bool),
    /// A String or a Token.
    Text(Cow<'v, str>),
    /// A Decimal, Byte Sequence, Date or Display String.
    Other,
}

/// Why a field is malformed, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ParseError {
    pub(super) message: &'static str,
    /// The number of the field line, from 1.
    pub(super) line: usize,
    /// The position in that line, from 1.
    pub(super) byte: usize,
}

/// The result of parsing a part of a line. The message refers to the position where parsing stopped.
pub(crate) type ParseResult<T> = Result<T, &'static str>;

/// Parses the field lines of a dictionary and calls `on_member` for each member, also for repeated ones. Parameters are ignored.
///
/// An error of `on_member` is reported at the position of its member. A value must end on the line that it starts on, which
/// RFC 9651 leaves open for strings.
pub(crate) fn parse_dictionary<'v>(
    lines: impl IntoIterator<Item = &'v [u8]>,
    mut on_member: impl FnMut(&'v [u8], Value<'v>) -> ParseResult<()>,
) -> Result<(), ParseError> {
    parse_lines(lines, |parser| {
        let member = parser.rest;
        let key = parser.key()?;
        let value = if parser.skip(b'=') { parser.value()? } else { Value::Item(Item::Boolean(true)) };
        on_member(key, value).inspect_err(|_| parser.rest = member)
    })
}

/// Parses the field lines of a list whose members are all strings, and calls `on_string` for each. Parameters are ignored.
///
/// A string must end on the line that it starts on.
pub(crate) fn parse_strings<'v>(
    lines: impl IntoIterator<Item = &'v [u8]>,
    mut on_string: impl FnMut(Cow<'v, str>),
) -> Result<(), ParseError> {
    parse_lines(lines, |parser| {
        if parser.rest.first() != Some(&b'"') {
            return Err("expected a string in double quotes");
        }
        on_string(parser.string()?);
        Ok(())
    })
}

/// Parses the field lines of a dictionary or a list, whose members `parse_member` parses up to their parameters.
fn parse_lines<'v>(
    lines: impl IntoIterator<Item = &'v [u8]>,
    mut parse_member: impl FnMut(&mut Parser<'v>) -> ParseResult<()>,
) -> Result<(), ParseError> {
    for (index, line) in lines.into_iter().enumerate() {
        let mut parser = Parser { rest: line };
        parser.members(&mut parse_member).map_err(|message| ParseError {
            message,
            line: index + 1,
            byte: line.len().saturating_sub(parser.rest.len()) + 1,
        })?;
    }
    Ok(())
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, near byte {} of line {}", self.message, self.byte, self.line)
    }
}

const KEY: &str = "expected a key in lower case";
const INNER_LIST: &str = "an inner list is unterminated, or its items are not separated by spaces";
const NUMBER: &str = "a number is malformed, or has too many digits";

struct Parser<'v> {
    rest: &'v [u8],
}

impl<'v> Parser<'v> {
    /// Parses the members on one line (RFC 9651 4.2.1, 4.2.2). An empty line has none.
    fn members(&mut self, parse_member: &mut impl FnMut(&mut Self) -> ParseResult<()>) -> ParseResult<()> {
        self.skip_while(is_blank);
        while !self.rest.is_empty() {
            parse_member(self)?;
            self.parameters()?;
            self.skip_while(is_blank);
            if self.rest.is_empty() {
                break;
            }
            if !self.skip(b',') {
                return Err("expected a comma after a member");
            }
            self.skip_while(is_blank);
            if self.rest.is_empty() {
                return Err("trailing comma");
            }
        }
        Ok(())
    }

    fn key(&mut self) -> ParseResult<&'v [u8]> {
        match self.rest.first() {
            Some(b'a'..=b'z' | b'*') => {
                Ok(self
                    .take_while(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'*')))
            }
            _ => Err(KEY),
        }
    }

    fn value(&mut self) -> ParseResult<Value<'v>> {
        if self.skip(b'(') { self.inner_list().map(Value::InnerList) } else { self.item().map(Value::Item) }
    }

    /// Parses an inner list after its opening parenthesis.
    fn inner_list(&mut self) -> ParseResult<Vec<Item<'v>>> {
        let mut items = Vec::new();
        loop {
            self.skip_while(|byte| byte == b' ');
            if self.skip(b')') {
                return Ok(items);
            }
            if self.rest.is_empty() {
                return Err(INNER_LIST);
            }
            items.push(self.item()?);
            self.parameters()?;
            if !matches!(self.rest.first(), Some(b' ' | b')')) {
                return Err(INNER_LIST);
            }
        }
    }

    fn parameters(&mut self) -> ParseResult<()> {
        while self.skip(b';') {
            self.skip_while(|byte| byte == b' ');
            self.key()?;
            if self.skip(b'=') {
                self.item()?;
            }
        }
        Ok(())
    }

    fn item(&mut self) -> ParseResult<Item<'v>> {
        match self.rest.first() {
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'a'..=b'z' | b'A'..=b'Z' | b'*') => {
                Ok(Item::Text(Cow::Borrowed(ascii(self.take_while(is_token_byte)))))
            }
            Some(b'"') => self.string().map(Item::Text),
            Some(b'?') => self.boolean(),
            Some(b':') => self.byte_sequence(),
            Some(b'@') => self.date(),
            Some(b'%') => self.display_string(),
            _ => Err("expected a value"),
        }
    }

    /// Parses an Integer of at most 15 digits, or a Decimal of at most 12 and 3 digits.
    fn number(&mut self) -> ParseResult<Item<'v>> {
        let is_negative = self.skip(b'-');
        let integer = self.take_while(|byte| byte.is_ascii_digit());
        if self.skip(b'.') {
            let fraction = self.take_while(|byte| byte.is_ascii_digit());
            let is_valid = (1..=12).contains(&integer.len()) && (1..=3).contains(&fraction.len());
            return if is_valid { Ok(Item::Other) } else { Err(NUMBER) };
        }
        if integer.len() > 15 {
            return Err(NUMBER);
        }
        let magnitude = parse_digits(integer).and_then(|number| i64::try_from(number).ok()).ok_or(NUMBER)?;
        Ok(Item::Integer(if is_negative { -magnitude } else { magnitude }))
    }

    fn string(&mut self) -> ParseResult<Cow<'v, str>> {
        self.next();
        let mut string = Cow::Borrowed("");
        loop {
            let is_unescaped = |byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
            string += ascii(self.take_while(is_unescaped));
            if self.skip(b'"') {
                return Ok(string);
            }
            if !self.skip(b'\\') {
                return Err("a string is unterminated, or has a character that is not printable ASCII");
            }
            if self.skip(b'"') {
                string += "\"";
            } else if self.skip(b'\\') {
                string += "\\";
            } else {
                return Err("invalid escape sequence in a string");
            }
        }
    }

    fn boolean(&mut self) -> ParseResult<Item<'v>> {
        self.next();
        match (self.skip(b'1'), self.skip(b'0')) {
            (true, false) => Ok(Item::Boolean(true)),
            (false, true) => Ok(Item::Boolean(false)),
            _ => Err("a boolean is neither ?1 nor ?0"),
        }
    }

    fn byte_sequence(&mut self) -> ParseResult<Item<'v>> {
        self.next();
        self.skip_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='));
        if self.skip(b':') { Ok(Item::Other) } else { Err("a byte sequence is unterminated or not base64") }
    }

    fn date(&mut self) -> ParseResult<Item<'v>> {
        self.next();
        match self.number()? {
            Item::Integer(_) => Ok(Item::Other),
            _ => Err("a date is not a whole number of seconds"),
        }
    }

    fn display_string(&mut self) -> ParseResult<Item<'v>> {
        const DISPLAY_STRING: &str = "a display string is unterminated or malformed";
        self.next();
        if !self.skip(b'"') {
            return Err(DISPLAY_STRING);
        }
        loop {
            self.skip_while(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'%'));
            match self.rest {
                [b'"', rest @ ..] => {
                    self.rest = rest;
                    return Ok(Item::Other);
                }
                [b'%', b'0'..=b'9' | b'a'..=b'f', b'0'..=b'9' | b'a'..=b'f', rest @ ..] => self.rest = rest,
                _ => return Err(DISPLAY_STRING),
            }
        }
    }

    fn next(&mut self) -> Option<u8> {
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    /// Skips `byte` if it is the next one. Returns whether it was.
    fn skip(&mut self, byte: u8) -> bool {
        let is_next = self.rest.first() == Some(&byte);
        if is_next {
            self.next();
        }
        is_next
    }

    fn skip_while(&mut self, predicate: impl Fn(u8) -> bool) {
        self.take_while(predicate);
    }

    fn take_while(&mut self, predicate: impl Fn(u8) -> bool) -> &'v [u8] {
        let end = self.rest.iter().position(|&byte| !predicate(byte)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }
}

/// Optional whitespace between the members of a dictionary.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn is_token_byte(byte: u8) -> bool {
    is_tchar(byte) || matches!(byte, b':' | b'/')
}

/// Converts bytes that are known to be ASCII.
fn ascii(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests;
