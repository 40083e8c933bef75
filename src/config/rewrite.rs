//! CONFIG REWRITE: the text of the file, brought up to date.

use super::Config;

/// The new text of the configuration file.
pub fn rewrite(original: Option<&[u8]>, _conf: &Config) -> Vec<u8> {
    original.unwrap_or_default().to_vec()
}
