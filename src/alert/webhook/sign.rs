//! Signatures by Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// Bytes of a key, by the specification.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// Secrets in force at once: the new one, the old one, and some to spare.
const SECRETS_MOST: usize = 4;

/// Signs with each of its secrets, so that a receiver may change over at its own time.
#[derive(Clone)]
pub struct Signer {
    keys: Vec<Hmac<Sha256>>,
}

impl Signer {
    /// A signer of the secrets in `text`, with white space between them, the newest first.
    ///
    /// # Errors
    /// In words that name the secret by its place, never its content.
    pub fn new(text: &str) -> Result<Self, String> {
        let secrets: Vec<&str> = text.split_whitespace().collect();
        if secrets.is_empty() || secrets.len() > SECRETS_MOST {
            let found = secrets.len();
            return Err(format!("the secret has {found} parts; 1 to {SECRETS_MOST} are taken"));
        }
        let keys = secrets.iter().enumerate().map(|(index, secret)| key(index + 1, secret));
        Ok(Self { keys: keys.collect::<Result<_, _>>()? })
    }

    /// The header `webhook-signature`: one signature for each secret.
    pub fn sign(&self, id: &str, timestamp: &str, body: &str) -> String {
        let signed = self.keys.iter().map(|key| {
            let mut mac = key.clone();
            for part in [id, ".", timestamp, ".", body] {
                mac.update(part.as_bytes());
            }
            format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
        });
        signed.collect::<Vec<_>>().join(" ")
    }
}

fn key(place: usize, secret: &str) -> Result<Hmac<Sha256>, String> {
    let Some(encoded) = secret.strip_prefix(PREFIX) else {
        return Err(format!("secret {place} must begin with `{PREFIX}`"));
    };
    let Ok(bytes) = STANDARD.decode(encoded) else {
        return Err(format!("secret {place} must be base64 after `{PREFIX}`"));
    };
    if !KEY_BYTES.contains(&bytes.len()) {
        let (found, least, most) = (bytes.len(), KEY_BYTES.start(), KEY_BYTES.end());
        return Err(format!("secret {place} has {found} bytes; {least} to {most} are taken"));
    }
    Hmac::new_from_slice(&bytes).map_err(|error| format!("secret {place}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector of the Standard Webhooks libraries (standard-webhooks/standard-webhooks).
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const SIGNED: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn sign(secrets: &str) -> String {
        Signer::new(secrets).unwrap().sign(ID, "1614265330", r#"{"test": 2432232314}"#)
    }

    #[test]
    fn the_published_vector_comes_out() {
        assert_eq!(sign(SECRET), SIGNED);
    }

    #[test]
    fn several_secrets_sign_side_by_side() {
        let other = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        let both = sign(&format!("  {other}\n{SECRET} "));
        let parts: Vec<&str> = both.split(' ').collect();
        assert_eq!(parts.len(), 2);
        assert_eq!((parts[0], parts[1]), (sign(other).as_str(), SIGNED));
    }

    #[test]
    fn a_bad_secret_is_refused_by_its_place_and_not_shown() {
        let long = format!("whsec_{}", STANDARD.encode([7; 65]));
        let many = [SECRET; 5].join(" ");
        for (text, wanted) in [
            ("", "the secret has 0 parts; 1 to 4 are taken"),
            (many.as_str(), "the secret has 5 parts; 1 to 4 are taken"),
            ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "secret 1 must begin with `whsec_`"),
            ("whsec_####", "secret 1 must be base64 after `whsec_`"),
            ("whsec_c2hvcnQ=", "secret 1 has 5 bytes; 24 to 64 are taken"),
            (long.as_str(), "secret 1 has 65 bytes; 24 to 64 are taken"),
        ] {
            assert_eq!(Signer::new(text).err().as_deref(), Some(wanted));
        }
        let second = format!("{SECRET} wrong");
        let error = Signer::new(&second).err().unwrap();
        assert_eq!(error, "secret 2 must begin with `whsec_`");
    }
}
