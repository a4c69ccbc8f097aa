//! Ids and signatures of messages, as Standard Webhooks has them.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

/// The id of a message with this content: the same content has the same id.
pub fn message_id(key: &str) -> String {
    let hash = Sha256::digest(key.as_bytes());
    let digits = hash.iter().take(16).map(|byte| format!("{byte:02x}"));
    format!("msg_{}", digits.collect::<String>())
}

/// The signature of a message that is sent at a moment, in s since 1970.
pub fn sign(secret: &[u8], id: &str, at_s: u64, body: &str) -> String {
    // A key may have any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return String::new() };
    mac.update(format!("{id}.{at_s}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_the_published_example() {
        // TestWebhookSign of the reference libraries.
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn an_id_follows_from_the_content_and_has_no_full_stop() {
        let id = message_id("run.finished r-1");
        assert_eq!((id.len(), id.contains('.')), (36, false));
        assert_eq!(id, message_id("run.finished r-1"));
        assert_ne!(id, message_id("run.finished r-2"));
    }
}
