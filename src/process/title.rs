//! The title of the process, as `ps` shows it: `proc-title-template`.
//!
//! Linux shows the memory where the command line was put at the start, so a title is written over
//! it. That area is as long as the command line was; the environment follows it directly, and once
//! the variables have been copied elsewhere its room can be used too:
//!
//! ```text
//!   arg_start         arg_end = env_start                      env_end
//!   │ redis-server\0 a.conf\0 │ PATH=/bin\0 HOME=/root\0 ...     │ (file name)
//!   │ redis-server *:6379 ------- title, filled up with zeros --- │
//! ```
//!
//! The four addresses stand in `/proc/self/stat`. The last byte of the area stays zero, so that
//! whoever reads an old argument pointer still finds an end.

#![expect(unsafe_code, reason = "the title is a piece of memory that the kernel gave the process")]

use std::ops::Range;

use crate::config::Config;

/// The area that may be written over.
#[derive(Debug)]
pub struct TitleArea {
    range: Range<usize>,
}

impl TitleArea {
    /// Finds the area and moves the environment out of it. To be called once, at the start, with
    /// one thread running.
    pub fn claim() -> Option<TitleArea> {
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        let [args, env] = areas(&stat)?;
        if args.end != env.start {
            return Some(TitleArea { range: args });
        }
        for (name, value) in std::env::vars_os() {
            // SAFETY: the caller is the only thread, so nobody reads the environment meanwhile.
            unsafe { std::env::set_var(name, value) };
        }
        let moved = environment_is_outside(&env);
        Some(TitleArea { range: if moved { args.start..env.end } else { args } })
    }

    /// Shows a title, cut to the room there is.
    pub fn write(&mut self, title: &str) {
        let room = self.range.len().saturating_sub(1);
        let n = title.bytes().take(room).take_while(|b| *b != 0).count();
        let start = std::ptr::with_exposed_provenance_mut::<u8>(self.range.start);
        // SAFETY: the range is the process's own argument area, writable and mapped for its whole
        // life, and nothing in Rust holds a reference into it: `std::env::args` copies, and the
        // environment was moved out if it is included. `n` is less than the length of the range.
        unsafe {
            std::ptr::copy_nonoverlapping(title.as_ptr(), start, n);
            std::ptr::write_bytes(start.add(n), 0, self.range.len() - n);
        }
    }
}

/// The areas of arguments and environment: fields 48 to 51 of `/proc/self/stat`, counted from 1.
fn areas(stat: &str) -> Option<[Range<usize>; 2]> {
    // The second field is the program's name in parentheses and may hold anything; field 3 follows
    // the last of them.
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split_ascii_whitespace().skip(48 - 3).map(|f| f.parse::<usize>().ok());
    let mut next = || fields.next().flatten().filter(|address| *address != 0);
    let areas = [next()?..next()?, next()?..next()?];
    areas.iter().all(|area| area.start < area.end).then_some(areas)
}

fn environment_is_outside(area: &Range<usize>) -> bool {
    // SAFETY: `environ` is an array of pointers that ends with a null pointer, or null; the caller
    // is the only thread.
    unsafe {
        unsafe extern "C" {
            static environ: *const *const libc::c_char;
        }
        let mut entry = environ;
        while !entry.is_null() && !(*entry).is_null() {
            if area.contains(&(*entry).addr()) {
                return false;
            }
            entry = entry.add(1);
        }
    }
    true
}

/// Fills a template in. `None` if it is malformed or names something unknown.
pub fn expand(conf: &Config, program: &str, config_file: &str) -> Option<String> {
    let template = conf.process.proc_title_template.as_str();
    let mut title = String::new();
    let mut rest = template;
    while let Some((text, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        title.push_str(text);
        match name {
            "title" => title.push_str(program),
            "listen-addr" => title.push_str(&listen_address(conf)),
            "server-mode" => {}
            "port" => title.push_str(&conf.net.port.to_string()),
            "tls-port" => title.push('0'),
            "unixsocket" => title.push_str(&conf.net.unixsocket),
            "config-file" => title.push_str(if config_file.is_empty() { "-" } else { config_file }),
            _ => return None,
        }
        rest = after;
    }
    title.push_str(rest);
    title.truncate(title.trim_end().len());
    Some(title)
}

fn listen_address(conf: &Config) -> String {
    match conf.net.port {
        0 => format!("unixsocket:{}", conf.net.unixsocket),
        port => format!("{}:{port}", conf.net.bind.first().map_or("*", String::as_str)),
    }
}

#[cfg(test)]
mod tests {
    use crate::process::title::*;

    #[test]
    fn templates_are_filled_in() {
        let mut conf = Config::default();
        let mut title = |template: &str| {
            conf.process.proc_title_template = template.to_owned();
            expand(&conf, "redis", "")
        };
        assert_eq!(title("{title} {listen-addr} {server-mode}").as_deref(), Some("redis *:6379"));
        assert_eq!(title("a {port} {config-file} b ").as_deref(), Some("a 6379 - b"));
        assert_eq!(title("{nothing}"), None);
        assert_eq!(title("{port"), None);
        conf.net.port = 0;
        conf.net.unixsocket = "/s".to_owned();
        conf.process.proc_title_template = "{listen-addr}".to_owned();
        assert_eq!(expand(&conf, "redis", "").as_deref(), Some("unixsocket:/s"));
    }

    #[test]
    fn areas_are_read_behind_a_wild_name() {
        let numbers: Vec<String> = (3..=52).map(|field| (field * 10).to_string()).collect();
        let stat = format!("1 (a) b) {}", numbers.join(" "));
        assert_eq!(areas(&stat), Some([480..490, 500..510]));
        assert_eq!(areas("1 (a) S 2 3"), None);
    }
}
