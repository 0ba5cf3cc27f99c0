//! Items of a file, and how they are laid out.

use proc_macro2::TokenStream;

/// An item: code to be formatted, or text that is.
pub(super) enum Item {
    Code(TokenStream),
    Text(String, TokenStream),
}

impl Item {
    pub fn code(code: TokenStream) -> Self {
        Self::Code(code)
    }

    pub fn text(text: String) -> Self {
        let tokens = text.parse().unwrap_or_default();
        Self::Text(text, tokens)
    }

    pub fn tokens(&self) -> &TokenStream {
        match self {
            Self::Code(tokens) | Self::Text(_, tokens) => tokens,
        }
    }

    /// The item as a person would lay it out.
    pub fn format(&self) -> String {
        match self {
            Self::Text(text, _) => text.clone(),
            Self::Code(tokens) => match syn::parse2::<syn::File>(tokens.clone()) {
                Ok(file) => blank_lines(&prettyplease::unparse(&file)),
                // Not reached: what we print parses.
                Err(_) => tokens.to_string(),
            },
        }
    }
}

/// `text` with blank lines between methods.
fn blank_lines(text: &str) -> String {
    let mut spaced = String::with_capacity(text.len() + 64);
    let mut before = "";
    for line in text.lines() {
        if before == "    }" && line != "}" {
            spaced.push('\n');
        }
        spaced.push_str(line);
        spaced.push('\n');
        before = line;
    }
    spaced
}
