//! The replica: follows the live database into object stores.
//!
//! ```text
//! checkpointer ── look ──► engine ── follower (readers, candidates) ── compare with the map ── draft ── staging
//!                      │                                                                            │
//!                      └────────────────────────────── outbox ◄─────────────────────────────────────┘
//!                                                        │ one worker for each store
//!                                                        ▼
//!                                              lease, put, position, retries
//! ```

mod check;
mod compare;
mod connect;
mod draft;
mod engine;
mod epoch;
mod exporter;
mod follower;
mod health;
mod levels;
mod main_file;
mod making;
mod map;
mod outbox;
mod owner;
mod position;
mod publish;
mod sent;
mod service;
mod staging;
mod state;
mod tables;
mod tidy;
mod watch;
mod worker;

pub use engine::Stats;
pub use health::StoreHealth;
pub use service::{Options, Report, run};

#[cfg(test)]
mod engine_tests;
#[cfg(any(test, feature = "scene"))]
pub mod image;
#[cfg(test)]
mod origin_tests;
#[cfg(any(test, feature = "scene"))]
pub mod scene;
#[cfg(test)]
mod service_tests;
#[cfg(test)]
mod takeover_tests;
#[cfg(test)]
mod torture;
#[cfg(test)]
mod trouble_tests;
#[cfg(test)]
mod watch_tests;
