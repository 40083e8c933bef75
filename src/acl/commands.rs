//! AUTH and HELLO: how a connection says who it is and which protocol it speaks.

use super::DEFAULT_USER;
use crate::base::version::COMPAT_VERSION;
use crate::client::commands::set_name;
use crate::command::args::{integer_or, is_behind};
use crate::command::{Arg, Call, CmdError, CmdResult, Command, Done, Group, category, flag};
use crate::resp::Proto;
use crate::resp::reply::Reply;
use crate::resp::request::Args;
use crate::server::{Run, Server};

pub static AUTH: Command = Command::server("auth", &Run(auth))
    .secrets(|_, at| at >= 1)
    .arity(-2)
    .flags(
        flag::NOSCRIPT
            | flag::LOADING
            | flag::STALE
            | flag::FAST
            | flag::NO_AUTH
            | flag::ALLOW_BUSY,
    )
    .categories(category::CONNECTION)
    .group(Group::Connection)
    .since("1.0.0")
    .summary("Gives a password, and so becomes a user.")
    .complexity("O(N) for N passwords of the user.")
    .history(&[("6.0.0", "With a user name: `AUTH username password`.")])
    .args(&[Arg::string("username").since("6.0.0").optional(), Arg::string("password")]);

fn auth(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let args = call.args();
    let security = &srv.conf.security;
    let (user, password) = match args.len() {
        2 if !security.needs_password() => return Err(CmdError::Fixed(NO_PASSWORD_SET)),
        2 => (DEFAULT_USER.as_bytes(), args.at(1)),
        3 => (args.at(1), args.at(2)),
        _ => return Err(CmdError::SYNTAX),
    };
    if !super::admits(security, user, password) {
        srv.stats.auth_denied += 1;
        return Err(CmdError::WRONG_PASSWORD);
    }
    call.session.authenticated = true;
    call.out.ok();
    Ok(Done)
}

const NO_PASSWORD_SET: &str = "ERR AUTH <password> called without any password configured for the default user. \
    Are you sure your configuration is correct?";

pub static HELLO: Command = Command::server("hello", &Run(hello))
    // Compat: a HELLO with a bad version shows its password in Redis; that serves nobody.
    .secrets(|args, at| is_behind(args, at, ("AUTH", 2), 2))
    .arity(-1)
    .flags(
        flag::NOSCRIPT
            | flag::LOADING
            | flag::STALE
            | flag::FAST
            | flag::NO_AUTH
            | flag::ALLOW_BUSY,
    )
    .categories(category::CONNECTION)
    .group(Group::Connection)
    .since("6.0.0")
    .summary("Chooses the protocol version, and may authenticate and name the connection.")
    .complexity("O(1)")
    .history(&[(
        "6.2.0",
        "The version may be left out: the connection is described and nothing changes.",
    )])
    .args(&[Arg::block(
        "arguments",
        &[
            Arg::integer("protover"),
            Arg::block("auth", &[Arg::string("username"), Arg::string("password")])
                .token("AUTH")
                .optional(),
            Arg::string("clientname").token("SETNAME").optional(),
        ],
    )
    .optional()]);

fn hello(srv: &mut Box<Server>, call: &mut Call) -> CmdResult {
    let wish = Wish::parse(call.args())?;
    let security = &srv.conf.security;
    if let Some((user, password)) = wish.auth {
        if !super::admits(security, user, password) {
            srv.stats.auth_denied += 1;
            return Err(CmdError::WRONG_PASSWORD);
        }
    } else if !call.session.authenticated && security.needs_password() {
        return Err(CmdError::Fixed(HELLO_NEEDS_AUTH));
    }
    let client = srv.clients.get_mut(call.client).ok_or(CmdError::NO_SUCH_CLIENT)?;
    let authenticated = wish.auth.is_some();
    let proto = wish.proto;
    if let Some(name) = wish.name {
        set_name(client, name)?;
    }
    if authenticated {
        call.session.authenticated = true;
    }
    let number = client.number;
    if let Some(proto) = proto {
        srv.clients.set_proto(call, proto);
    }
    describe(number, &srv.conf.server.availability_zone, &mut call.out);
    Ok(Done)
}

const HELLO_NEEDS_AUTH: &str = "NOAUTH HELLO must be called with the client already authenticated, otherwise the \
    HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol \
    version at the same time";

/// What a HELLO asks for.
struct Wish<'a> {
    proto: Option<Proto>,
    auth: Option<(&'a [u8], &'a [u8])>,
    name: Option<&'a [u8]>,
}

impl<'a> Wish<'a> {
    fn parse(args: Args<'a>) -> Result<Wish<'a>, CmdError> {
        const NOT_INTEGER: CmdError =
            CmdError::Fixed("ERR Protocol version is not an integer or out of range");
        let mut wish = Wish { proto: None, auth: None, name: None };
        if let Some(version) = args.get(1) {
            wish.proto = Some(match integer_or(version, NOT_INTEGER)? {
                2 => Proto::Resp2,
                3 => Proto::Resp3,
                _ => return Err(CmdError::NO_PROTO),
            });
        }
        let mut at = 2;
        while let Some(option) = args.get(at) {
            let left = args.len() - at - 1;
            if args.is(at, "auth") && left >= 2 {
                wish.auth = Some((args.at(at + 1), args.at(at + 2)));
                at += 3;
            } else if args.is(at, "setname") && left >= 1 {
                wish.name = Some(args.at(at + 1));
                at += 2;
            } else {
                let text = [b"ERR Syntax error in HELLO option '", option, b"'"].concat();
                return Err(CmdError::made(text));
            }
        }
        Ok(wish)
    }
}

/// The answer: who we are, as clients expect to read it. The zone comes last, as in Valkey, and
/// only where there is one.
fn describe(number: u64, zone: &str, out: &mut Reply) {
    out.map(if zone.is_empty() { 7 } else { 8 });
    for (field, value) in [("server", "redis"), ("version", COMPAT_VERSION)] {
        out.bulk(field.as_bytes());
        out.bulk(value.as_bytes());
    }
    out.bulk(b"proto");
    out.int(if out.proto() == Proto::Resp3 { 3 } else { 2 });
    out.bulk(b"id");
    out.uint(number);
    for (field, value) in [("mode", "standalone"), ("role", "master")] {
        out.bulk(field.as_bytes());
        out.bulk(value.as_bytes());
    }
    out.bulk(b"modules");
    out.array(0);
    if !zone.is_empty() {
        out.bulk(b"availability_zone");
        out.bulk(zone.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use crate::server::testing::TestServer;

    fn locked() -> TestServer {
        let mut conf = Config::default();
        conf.security.requirepass = "secret".into();
        TestServer::with(conf)
    }

    #[test]
    fn strangers_may_authenticate_and_leave() {
        let mut t = locked();
        assert_eq!(t.run("PING"), "-NOAUTH Authentication required.\r\n");
        let wrong = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
        assert_eq!(t.run("AUTH nope"), wrong);
        assert_eq!(t.run("AUTH alice secret"), wrong);
        assert!(t.run("HELLO 3").starts_with("-NOAUTH HELLO must be called"));
        assert_eq!(t.run("AUTH secret"), "+OK\r\n");
        assert_eq!(t.run("PING"), "+PONG\r\n");
        assert_eq!(t.run("RESET"), "+RESET\r\n");
        assert!(t.run("PING").starts_with("-NOAUTH"));
        assert!(t.run("HELLO 3 AUTH default secret SETNAME x").starts_with("%7\r\n"));
        assert_eq!(t.run("CLIENT GETNAME"), "$1\r\nx\r\n");
    }

    #[test]
    fn hello_describes_and_complains() {
        let mut t = TestServer::new();
        assert!(t.run("HELLO").starts_with("*14\r\n$6\r\nserver\r\n$5\r\nredis\r\n"));
        assert_eq!(t.run("HELLO 4"), "-NOPROTO unsupported protocol version\r\n");
        let no_number = "-ERR Protocol version is not an integer or out of range\r\n";
        assert_eq!(t.run("HELLO x"), no_number);
        assert_eq!(t.run("HELLO 2 foo"), "-ERR Syntax error in HELLO option 'foo'\r\n");
        assert_eq!(t.run("HELLO 2 auth a"), "-ERR Syntax error in HELLO option 'auth'\r\n");
        assert!(t.run("AUTH x").starts_with("-ERR AUTH <password> called without any password"));
    }

    #[test]
    fn hello_tells_the_zone_where_there_is_one() {
        let mut t = TestServer::new();
        t.run("CONFIG SET availability-zone az1");
        assert!(t.run("HELLO").ends_with("$17\r\navailability_zone\r\n$3\r\naz1\r\n"));
        assert!(t.run("HELLO 3").starts_with("%8\r\n"));
        assert!(t.run("INFO server").contains("\r\navailability_zone:az1\r\n"));
        t.run("CONFIG SET availability-zone ''");
        assert!(t.run("HELLO").starts_with("%7\r\n"));
    }

    #[test]
    fn a_client_may_begin_with_the_newer_protocol() {
        let mut conf = Config::default();
        conf.proto.default_version = 3;
        let mut t = TestServer::with(conf);
        assert!(t.run("CONFIG GET client-default-resp").starts_with("%1\r\n"));
        assert!(t.run("HELLO 2").starts_with("*14\r\n"));
        assert_eq!(t.run("RESET"), "+RESET\r\n");
        assert!(t.run("HELLO").starts_with("%7\r\n"));
    }

    #[test]
    fn strangers_may_not_send_much() {
        let mut t = locked();
        let client = t.client;
        t.send(client, b"*11\r\n");
        assert!(t.srv.clients.get(client).is_none(), "closed after its error");
    }
}
