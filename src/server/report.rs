//! What the server says when it crashes: see [`crash`](crate::process::crash).

use super::Server;
use crate::base::split::quote;
use crate::command::Call;
use crate::info;
use crate::observe::redact;
use crate::process::crash::{Report, Testify};

/// Words of the command under way that are shown, and bytes of each.
const WORDS_MAX: usize = 128;
const WORD_MAX: usize = 1024;

impl Testify for Server {
    fn testify(&mut self, report: &mut Report) {
        report.hides_user_data = self.conf.log.hide_user_data;
        report.try_section("INFO OUTPUT", || {
            info::driver::render(self, [&b"all"[..]].into_iter()).text().to_vec()
        });
        report.try_section("CLIENT LIST OUTPUT", || {
            let mut text = vec![];
            for id in self.clients.by_age() {
                text.extend(self.describe(id));
                text.push(b'\n');
            }
            text
        });
        report.section("CURRENT CLIENT INFO");
        let serving = self.serving;
        if self.clients.get(serving).is_some() {
            report.text(&self.describe(serving));
            report.text(b"\n");
        }
    }
}

impl Testify for Call {
    fn testify(&mut self, report: &mut Report) {
        let args = self.args();
        let mut text = format!("argc: '{}'\n", args.len()).into_bytes();
        for index in 0..args.len().min(WORDS_MAX) {
            text.extend_from_slice(format!("argv[{index}]: '").as_bytes());
            if report.hides_user_data && index > 0 {
                text.extend_from_slice(b"*redacted*");
            } else {
                let word = redact::shown(self.cmd, args, index);
                quote(&mut text, &word[..word.len().min(WORD_MAX)]);
            }
            text.extend_from_slice(b"'\n");
        }
        report.text(&text);
    }
}

impl Server {
    /// A client in one line, for logs and reports.
    pub fn describe(&self, id: crate::base::slab::Id) -> Vec<u8> {
        self.clients.get(id).map_or_else(Vec::new, |client| client.describe(self.log_scene(), None))
    }
}
