//! As much of Prometheus' query language as it takes to see which metrics and labels a query names.

/// What a query names.
#[derive(Debug, Default)]
pub(crate) struct Query {
    /// Metrics, each with its matchers: label and what it is compared with.
    pub(crate) selectors: Vec<(String, Vec<(String, String)>)>,
    /// Labels of `by`, `on` and the like.
    pub(crate) groupings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Sign(char),
}

const BEFORE_LABELS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];
const OPERATORS: [&str; 5] = ["and", "or", "unless", "offset", "bool"];

pub(crate) fn parse(query: &str) -> Query {
    let tokens = tokens(query);
    let mut found = Query::default();
    let mut at = 0;
    while at < tokens.len() {
        let Token::Word(word) = &tokens[at] else {
            at += 1;
            continue;
        };
        at += 1;
        let opens = |sign| tokens.get(at) == Some(&Token::Sign(sign));
        let is_grouped = matches!(tokens.get(at), Some(Token::Word(next)) if next == "by");
        if BEFORE_LABELS.contains(&word.as_str()) {
            if opens('(') {
                let end = closing(&tokens, at, ')');
                found.groupings.extend(words(&tokens[at..end]));
                at = end;
            }
        } else if opens('{') {
            let end = closing(&tokens, at, '}');
            found.selectors.push((word.clone(), matchers(&tokens[at + 1..end])));
            at = end;
        } else if !opens('(') && !is_grouped && !OPERATORS.contains(&word.as_str()) {
            found.selectors.push((word.clone(), Vec::new()));
        }
    }
    found
}

fn closing(tokens: &[Token], from: usize, sign: char) -> usize {
    let rest = tokens[from..].iter().position(|token| *token == Token::Sign(sign));
    from + rest.unwrap_or_else(|| panic!("`{sign}` is missing"))
}

fn words(tokens: &[Token]) -> Vec<String> {
    let word = |token: &Token| match token {
        Token::Word(word) => Some(word.clone()),
        Token::Text(_) | Token::Sign(_) => None,
    };
    tokens.iter().filter_map(word).collect()
}

fn matchers(tokens: &[Token]) -> Vec<(String, String)> {
    let labels = words(tokens);
    let texts = tokens.iter().filter_map(|token| match token {
        Token::Text(text) => Some(text.clone()),
        Token::Word(_) | Token::Sign(_) => None,
    });
    labels.into_iter().zip(texts).collect()
}

/// Words, texts in quotes and signs; numbers and durations are left out.
fn tokens(query: &str) -> Vec<Token> {
    let is_of_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
    let mut tokens = Vec::new();
    let mut rest = query.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if first == '"' {
            let end = rest[1..].find('"').expect("a text that is closed");
            tokens.push(Token::Text(rest[1..=end].to_owned()));
            end + 2
        } else if is_of_word(first) {
            let end = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
            if !first.is_ascii_digit() {
                tokens.push(Token::Word(rest[..end].to_owned()));
            }
            end
        } else {
            tokens.push(Token::Sign(first));
            first.len_utf8()
        };
        rest = rest[length..].trim_start();
    }
    tokens
}
