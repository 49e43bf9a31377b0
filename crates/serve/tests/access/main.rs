//! Every declared access rule attacked, on a real server with a real database and leader. What must not be seen is looked for in the raw bytes.

#[path = "../serve/client.rs"]
#[allow(dead_code)]
mod client;
#[path = "../serve/node.rs"]
#[allow(dead_code)]
mod node;
#[path = "../serve/redis_server.rs"]
#[allow(dead_code)]
mod redis_server;
#[path = "../serve/stage.rs"]
#[allow(dead_code)]
mod stage;

mod consumers;
mod ground;
mod keys;
mod wire;

mod limits;
mod live;
mod origins;
mod redis;
mod requests;
mod rows;
mod tokens;
