//! The seam to an encoder of meaning: dense retrieval without knowing the model.

use serde::{Deserialize, Serialize};

/// Coordinates of a [`Vector`].
pub const DIM: usize = 128;

/// A failure of the encoder.
pub type EmbedError = Box<dyn std::error::Error + Send + Sync>;

/// Turns texts into vectors whose product tells how near they are in meaning.
///
/// The contract: one vector a text in the order given, the same for the same text whatever its
/// neighbours are; any text is answered; calls may run side by side.
pub trait Embed: Send + Sync {
    /// Names the space: vectors of another id cannot be compared with these.
    fn id(&self) -> &str;

    /// The vectors of normalised texts.
    ///
    /// # Errors
    /// Whatever the encoder says; search goes on by words alone then.
    fn embed(&self, normalized: &[&str]) -> Result<Vec<Vector>, EmbedError>;
}

/// A vector of length 1 with its coordinates rounded to steps of 1/127: a quarter of the memory, and
/// cosines that differ by less than 0.02.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Vector(#[serde(with = "coordinates")] Box<[i8; DIM]>);

impl Vector {
    /// Scales `coordinates` to length 1 and rounds them; `None` unless there are [`DIM`] finite ones.
    #[must_use]
    pub fn new(coordinates: &[f32]) -> Option<Self> {
        let norm = coordinates.iter().map(|x| x * x).sum::<f32>().sqrt();
        if coordinates.len() != DIM || !norm.is_normal() {
            return None;
        }
        let mut rounded = Box::new([0; DIM]);
        for (to, x) in rounded.iter_mut().zip(coordinates) {
            *to = (x / norm * 127.0).round() as i8;
        }
        Some(Self(rounded))
    }

    /// Cosine of the angle between two vectors, -1 to 1.
    #[must_use]
    pub fn cosine(&self, other: &Self) -> f32 {
        let product = self.0.iter().zip(&*other.0).map(|(a, b)| i32::from(*a) * i32::from(*b));
        product.sum::<i32>() as f32 / (127.0 * 127.0)
    }
}

/// Coordinates as a string of bytes: 130 of them in a file instead of up to 256.
mod coordinates {
    use super::DIM;
    use serde::de::{Error as _, Visitor};
    use serde::{Deserializer, Serializer};
    use std::fmt;

    pub(super) fn serialize<S: Serializer>(
        coordinates: &[i8; DIM],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&coordinates.map(i8::cast_unsigned))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Box<[i8; DIM]>, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Box<[i8; DIM]>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{DIM} bytes")
            }

            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
                let bytes: [u8; DIM] =
                    bytes.try_into().map_err(|_| E::invalid_length(bytes.len(), &self))?;
                Ok(Box::new(bytes.map(u8::cast_signed)))
            }
        }
        deserializer.deserialize_bytes(Bytes).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn refuses_what_is_no_direction() {
        assert_eq!(Vector::new(&[1.0; DIM - 1]), None);
        assert_eq!(Vector::new(&[0.0; DIM]), None);
        assert_eq!(Vector::new(&[f32::NAN; DIM]), None);
    }

    proptest! {
        #[test]
        fn rounding_moves_cosines_little(
            a in prop::collection::vec(-1.0_f32..1.0, DIM),
            b in prop::collection::vec(-1.0_f32..1.0, DIM),
        ) {
            let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
            let exact = product(&a, &b) / (product(&a, &a) * product(&b, &b)).sqrt();
            let [a, b] = [a, b].map(|v| Vector::new(&v).unwrap());
            prop_assert!((a.cosine(&b) - exact).abs() < 0.02);
            let bytes = rmp_serde::to_vec_named(&a).unwrap();
            prop_assert_eq!(rmp_serde::from_slice::<Vector>(&bytes).unwrap(), a);
        }
    }
}
