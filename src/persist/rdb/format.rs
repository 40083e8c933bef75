//! The words of the format that saving and loading share.
//!
//! ```text
//!   file      header  aux*  function*  database*  FF  crc
//!   header    REDIS0010 .. REDIS0012, VALKEY080
//!   database  FE index  FB keys expires  key*
//!   key       [FC deadline]  [F8 idle | F9 frequency]  type  name  value
//!   payload   type  value  version (u16)  crc                       of DUMP: without a name
//! ```
//!
//! What a value's bytes are is said where they are written (`save::value`) and read
//! (`load::value`). A version is the number of the format that a reader must know; number 22 of
//! types means one thing up to Redis's last version and another from Valkey's first one on.

/// Opcodes, from the end of the numbers of types downwards.
pub mod opcode {
    pub const EOF: u8 = 0xff;
    pub const SELECT_DB: u8 = 0xfe;
    pub const EXPIRE_S: u8 = 0xfd;
    pub const EXPIRE_MS: u8 = 0xfc;
    pub const RESIZE_DB: u8 = 0xfb;
    pub const AUX: u8 = 0xfa;
    pub const FREQ: u8 = 0xf9;
    pub const IDLE: u8 = 0xf8;
    pub const MODULE_AUX: u8 = 0xf7;
    pub const FUNCTION_PRE_GA: u8 = 0xf6;
    pub const FUNCTION: u8 = 0xf5;
    pub const SLOT_INFO: u8 = 0xf4;
    pub const SLOT_IMPORT: u8 = 0xf3;
}

/// Numbers of types.
pub mod kind {
    pub const STRING: u8 = 0;
    pub const LIST: u8 = 1;
    pub const SET: u8 = 2;
    pub const ZSET_TEXT: u8 = 3;
    pub const HASH: u8 = 4;
    pub const ZSET: u8 = 5;
    pub const MODULE_PRE_GA: u8 = 6;
    pub const MODULE: u8 = 7;
    pub const HASH_ZIPMAP: u8 = 9;
    pub const LIST_ZIPLIST: u8 = 10;
    pub const SET_INTSET: u8 = 11;
    pub const ZSET_ZIPLIST: u8 = 12;
    pub const HASH_ZIPLIST: u8 = 13;
    pub const QUICKLIST: u8 = 14;
    pub const STREAM: u8 = 15;
    pub const HASH_LISTPACK: u8 = 16;
    pub const ZSET_LISTPACK: u8 = 17;
    pub const QUICKLIST_2: u8 = 18;
    pub const STREAM_2: u8 = 19;
    pub const SET_LISTPACK: u8 = 20;
    pub const STREAM_3: u8 = 21;
    /// Up to version 79: of a release candidate of Redis 7.4. From 80 on: Valkey's hash with
    /// deadlines.
    pub const HASH_TTL_22: u8 = 22;
    pub const HASH_LISTPACK_TTL_PRE_GA: u8 = 23;
    pub const HASH_TTL: u8 = 24;
    pub const HASH_LISTPACK_TTL: u8 = 25;
}

/// Numbers of versions.
pub mod version {
    /// Redis 7.0.
    pub const REDIS_7_0: u16 = 10;
    /// Redis 7.2, Valkey 8: sets in listpacks, streams whose consumers have two times.
    pub const REDIS_7_2: u16 = 11;
    /// Redis 7.4 to 8.2: deadlines of fields.
    pub const REDIS_7_4: u16 = 12;
    /// The last one that means Redis.
    pub const FOREIGN_MAX: u16 = 79;
    /// Valkey 9.
    pub const VALKEY_9: u16 = 80;
}

/// Containers of the nodes of a list.
pub mod container {
    /// One element by itself.
    pub const PLAIN: u64 = 1;
    /// A listpack.
    pub const PACKED: u64 = 2;
}

/// Special forms of strings, told by the first byte.
pub mod special {
    pub const INT8: u8 = 0xc0;
    pub const INT16: u8 = 0xc1;
    pub const INT32: u8 = 0xc2;
    pub const LZF: u8 = 0xc3;
}

/// Forms of lengths, told by the first byte.
pub mod length {
    pub const BITS_32: u8 = 0x80;
    pub const BITS_64: u8 = 0x81;
}

/// The name of a type, for people.
pub fn kind_name(kind: u8) -> &'static str {
    match kind {
        0 => "string",
        1 => "list-linked",
        2 => "set-hashtable",
        3 => "zset-v1",
        4 => "hash-hashtable",
        5 => "zset-v2",
        6 => "module-pre-release",
        7 => "module-value",
        8 => "",
        9 => "hash-zipmap",
        10 => "list-ziplist",
        11 => "set-intset",
        12 => "zset-ziplist",
        13 => "hash-ziplist",
        14 => "quicklist",
        15 => "stream",
        16 => "hash-listpack",
        17 => "zset-listpack",
        18 => "quicklist-v2",
        19 => "stream-v2",
        20 => "set-listpack",
        21 => "stream-v3",
        22 => "hash-hashtable-md-pre-release",
        23 => "hash-listpack-md-pre-release",
        24 => "hash-hashtable-md",
        25 => "hash-listpack-md",
        _ => "unknown",
    }
}

/// The nine characters of the name of a module's type, and the version of its encoding.
pub fn module_name(id: u64) -> (String, u64) {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let letter = |n: u32| char::from(LETTERS[(id >> (10 + 6 * n)) as usize & 63]);
    ((0..9).rev().map(letter).collect(), id & 1023)
}

#[test]
fn names_of_modules_are_spelled_in_six_bits() {
    assert_eq!(module_name(0xbde7_2da2_bb1e_b400), ("vectorset".to_owned(), 0));
}
