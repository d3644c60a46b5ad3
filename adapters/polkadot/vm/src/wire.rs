//! How values travel: bytes as base64, amounts and gas as decimal strings.

use std::fmt::{self, Display};
use std::marker::PhantomData;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes, in standard padded base64 on the wire.
#[derive(Clone, Debug, Default)]
pub struct Bytes(pub Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Base64;

        impl Visitor<'_> for Base64 {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string of standard padded base64")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Bytes, E> {
                // The text itself may be megabytes, so the message says where it is wrong and does not repeat it.
                STANDARD.decode(text).map(Bytes).map_err(|why| E::custom(format_args!("not base64: {why}")))
            }
        }

        deserializer.deserialize_str(Base64)
    }
}

/// An integer, in decimal digits on the wire; only what goes out is ever negative.
#[derive(Clone, Copy, Debug, Default)]
pub struct Decimal<T>(pub T);

impl<T: Display> Serialize for Decimal<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de, T: FromStr> Deserialize<'de> for Decimal<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Digits<T>(PhantomData<T>);

        impl<T: FromStr> Visitor<'_> for Digits<T> {
            type Value = Decimal<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a string of decimal digits within {} bits", 8 * size_of::<T>())
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Decimal<T>, E> {
                // `parse` alone would take a leading plus.
                let digits = text.bytes().all(|byte| byte.is_ascii_digit());
                let value = digits.then(|| text.parse().ok()).flatten();
                value.map(Decimal).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_str(Digits(PhantomData))
    }
}
