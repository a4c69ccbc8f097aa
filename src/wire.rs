//! How values travel between the server and the page: as JSON, in server functions, in the first HTML and in the stream.
//!
//! The server uses serde_json like everybody. The page reads the same JSON through [`lean`]: what serde makes of some
//! forty types for each of serde_json's readers, and once more for enums with a tag, was a quarter of its program.

#[cfg(any(feature = "hydrate", test))]
mod lean;
#[cfg(feature = "hydrate")]
mod script;

use leptos::{
    server::codee::{Decoder, Encoder},
    server_fn::{Bytes, ContentType, Decodes, Encodes, Format, FormatType, codec::Post},
};
use serde::{
    Serialize,
    de::{DeserializeOwned, Error},
};

/// Why JSON is not a value.
#[cfg(feature = "hydrate")]
pub type Mismatch = lean::Mismatch;

/// Why JSON is not a value.
#[cfg(not(feature = "hydrate"))]
pub type Mismatch = serde_json::Error;

/// Reads a value from JSON.
///
/// # Errors
/// The text is not JSON, or not of this value.
pub fn decode<T: DeserializeOwned>(json: &str) -> Result<T, Mismatch> {
    #[cfg(feature = "hydrate")]
    return lean::read(&script::parse(json)?);
    #[cfg(not(feature = "hydrate"))]
    return serde_json::from_str(json);
}

/// JSON as a codec of server functions, their errors, and resources.
pub struct Wire;

/// JSON in the body of a request or a response.
pub type Json = Post<Wire>;

impl ContentType for Wire {
    const CONTENT_TYPE: &'static str = "application/json";
}

impl FormatType for Wire {
    const FORMAT_TYPE: Format = Format::Text;
}

impl<T: Serialize> Encodes<T> for Wire {
    type Error = serde_json::Error;

    fn encode(value: &T) -> Result<Bytes, serde_json::Error> {
        serde_json::to_vec(value).map(Bytes::from)
    }
}

impl<T: DeserializeOwned> Decodes<T> for Wire {
    type Error = Mismatch;

    fn decode(json: Bytes) -> Result<T, Mismatch> {
        decode(std::str::from_utf8(&json).map_err(Mismatch::custom)?)
    }
}

impl<T: Serialize> Encoder<T> for Wire {
    type Error = serde_json::Error;
    type Encoded = String;

    fn encode(value: &T) -> Result<String, serde_json::Error> {
        serde_json::to_string(value)
    }
}

impl<T: DeserializeOwned> Decoder<T> for Wire {
    type Error = Mismatch;
    type Encoded = str;

    fn decode(json: &str) -> Result<T, Mismatch> {
        decode(json)
    }
}
