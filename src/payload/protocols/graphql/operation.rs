//! What a GraphQL document asks for (spec.graphql.org, 2.3): the kind and name of its operation, without parsing the rest.

/// Definitions looked at of one document.
const DEFINITIONS: usize = 1000;

/// The operation of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Operation<'q> {
    /// `query`, `mutation` or `subscription`.
    pub(super) kind: &'static str,
    /// Its name; empty where it has none.
    pub(super) name: &'q str,
    /// The first field it selects.
    pub(super) first: &'q str,
}

impl<'q> Operation<'q> {
    /// The operation of this name, or the first one without it; `None` where the document has none.
    pub(super) fn of(document: &'q str, wanted: Option<&str>) -> Option<Operation<'q>> {
        let mut reader = Reader {
            rest: document.trim_start_matches('\u{feff}'),
        };
        for _ in 0..DEFINITIONS {
            let operation = reader.definition()?;
            let found = operation.filter(|found| wanted.is_none_or(|name| found.name == name));
            if found.is_some() {
                return found;
            }
        }
        None
    }
}

/// Reads tokens.
struct Reader<'q> {
    rest: &'q str,
}

impl<'q> Reader<'q> {
    /// Goes past what means nothing (2.1.7) and gives the next byte.
    fn peek(&mut self) -> Option<u8> {
        loop {
            self.rest = self.rest.trim_start_matches(|c: char| {
                c.is_ascii_whitespace() || c == ',' || c == '\u{feff}'
            });
            let first = self.rest.bytes().next()?;
            if first != b'#' {
                return Some(first);
            }
            let end = self.rest.find(['\n', '\r']).unwrap_or(self.rest.len());
            self.rest = self.rest.get(end..).unwrap_or_default();
        }
    }

    /// A name, empty where none stands here.
    fn name(&mut self) -> &'q str {
        self.peek();
        let is_part = |c: char| c == '_' || c.is_ascii_alphanumeric();
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        name
    }

    /// The next definition; inside, nothing where it is a fragment. `None` where the document ends or is no GraphQL.
    fn definition(&mut self) -> Option<Option<Operation<'q>>> {
        if self.peek()? == b'{' {
            let first = self.body();
            return Some(Some(Operation {
                kind: "query",
                name: "",
                first,
            }));
        }
        let kind = match self.name() {
            "query" => "query",
            "mutation" => "mutation",
            "subscription" => "subscription",
            "fragment" => {
                self.body();
                return Some(None);
            }
            _ => return None,
        };
        let name = self.name();
        let first = self.body();
        Some(Some(Operation { kind, name, first }))
    }

    /// Goes to the selection set that follows, and behind it; the first name in it.
    fn body(&mut self) -> &'q str {
        let mut first = "";
        let (mut braces, mut others) = (0_usize, 0_usize);
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.string();
                    continue;
                }
                b'(' | b'[' => others += 1,
                b')' | b']' => others = others.saturating_sub(1),
                b'{' if others == 0 => braces += 1,
                b'}' if others == 0 => {
                    braces = braces.saturating_sub(1);
                    if braces == 0 {
                        self.skip(1);
                        return first;
                    }
                }
                byte if byte == b'_' || byte.is_ascii_alphanumeric() => {
                    let name = self.name();
                    if braces > 0 && others == 0 && first.is_empty() {
                        first = name;
                    }
                    continue;
                }
                _ => {}
            }
            self.skip(1);
        }
        first
    }

    /// A string, of one line or a block (2.9.4).
    fn string(&mut self) {
        let (quote, len) = match self.rest.starts_with("\"\"\"") {
            true => ("\"\"\"", 3),
            false => ("\"", 1),
        };
        self.skip(len);
        loop {
            let Some(at) = self.rest.find(['"', '\\']) else {
                self.rest = "";
                return;
            };
            self.skip(at);
            if self.rest.starts_with(quote) {
                return self.skip(len);
            }
            let is_escape = self.rest.starts_with('\\');
            // In a block only `\"""` is an escape.
            self.skip(match (is_escape, len) {
                (true, 3) if self.rest.starts_with("\\\"\"\"") => 4,
                (true, 1) => 2,
                _ => 1,
            });
        }
    }

    fn skip(&mut self, bytes: usize) {
        let mut end = bytes.min(self.rest.len());
        while !self.rest.is_char_boundary(end) {
            end += 1;
        }
        self.rest = self.rest.get(end..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(document: &str, wanted: Option<&str>) -> String {
        match Operation::of(document, wanted) {
            Some(Operation { kind, name, first }) => format!("{kind}|{name}|{first}"),
            None => String::new(),
        }
    }

    #[test]
    fn kind_and_name_are_read_from_the_text() {
        for (document, expected) in [
            ("{ hello }", "query||hello"),
            ("query{hello}", "query||hello"),
            (
                "query Hello($name: String = \"}{\") { hello(name: $name) }",
                "query|Hello|hello",
            ),
            (
                "mutation($in: In = {a: [1]}) @live { save }",
                "mutation||save",
            ),
            (
                "# query Not {\n\u{feff} ,subscription\tPrices { prices { item } }",
                "subscription|Prices|prices",
            ),
            (
                "fragment F on T { a b(c: \"\"\"x \\\"\"\" }\"\"\") } query Q { ...F }",
                "query|Q|F",
            ),
            ("query Broken { hello(", "query|Broken|hello"),
            ("query", "query||"),
            ("", ""),
            ("hello world", ""),
            ("type Query { a: Int }", ""),
            ("\"query\" { a }", ""),
        ] {
            assert_eq!(found(document, None), expected, "{document}");
        }
    }

    #[test]
    fn of_several_operations_the_wanted_one_counts() {
        let document = "query A { a } fragment F on T { x } mutation B { b { c } }";
        assert_eq!(found(document, Some("B")), "mutation|B|b");
        assert_eq!(found(document, Some("C")), "");
    }

    #[test]
    fn hostile_documents_end() {
        for piece in ["{", "\"", "\"\"\"\\", "(", "fragment F{}", "#\n", "ü\\"] {
            found(&piece.repeat(200_000), Some("x"));
        }
    }
}
