//! The libraries of scripts that read bytes: cjson, cmsgpack, struct, patterns, and the compiler.
//! Whatever they are given, they answer or raise an error; and what cjson and cmsgpack have read
//! can be written, and read again as the same. Patterns that go back and forth until their steps
//! are used up are not tried: that takes a minute here.

#![no_main]

use std::cell::RefCell;

use hematite::config::Config;
use hematite::server::testing::TestServer;
use libfuzzer_sys::fuzz_target;

thread_local! {
    static SERVER: RefCell<TestServer> = RefCell::new(TestServer::with({
        let mut conf = Config::default();
        conf.script.memory_limit = 64 << 20;
        conf
    }));
}

const SCRIPT: &str = "\
local a, b = ARGV[1], ARGV[2]
local ok, value = pcall(cjson.decode, a)
if ok then
  local again, text = pcall(cjson.encode, value)
  if again then assert(cjson.encode(cjson.decode(text)) == text or text:find('\\\"')) end
end
local ok, value = pcall(cmsgpack.unpack, a)
if ok then
  local packed = cmsgpack.pack(value)
  assert(cmsgpack.pack(cmsgpack.unpack(packed)) == packed or type(value) == 'table')
end
pcall(cmsgpack.unpack_one, a, #b)
pcall(cmsgpack.unpack_limit, a, #b, 1)
pcall(struct.unpack, b, a)
pcall(struct.size, b)
pcall(struct.pack, b, 1, a, -1, b, 1e300)
local _, many = string.gsub(b, '[*+?-]', '')
if many <= 4 then
  pcall(string.find, string.sub(a, 1, 60), b)
  pcall(string.gsub, string.sub(a, 1, 60), b, b)
end
pcall(loadstring, a)
return 1";

fuzz_target!(|input: (&[u8], &[u8])| {
    let (a, b) = input;
    SERVER.with_borrow_mut(|server| {
        let mut request = Vec::new();
        let words: [&[u8]; 5] = [b"EVAL", SCRIPT.as_bytes(), b"0", a, b];
        request.extend(format!("*{}\r\n", words.len()).bytes());
        for word in words {
            request.extend(format!("${}\r\n", word.len()).bytes());
            request.extend_from_slice(word);
            request.extend(b"\r\n");
        }
        let client = server.client;
        server.send(client, &request);
        let answer = server.receive(client);
        assert_eq!(answer, b":1\r\n", "{}", String::from_utf8_lossy(&answer));
    });
});
