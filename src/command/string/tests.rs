//! String commands through a server in a box.

use crate::server::testing::TestServer;
