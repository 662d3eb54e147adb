//! When something is late, full or old: said once for the verdict of the dashboard, `kubectl pra status`, the alarms
//! and the documentation. The alarms' rules are held to these by a test.

/// A backup is made each minute: in seconds, two of them are missing. From here on there is a warning.
pub const BACKUP_OLD: u64 = 180;
/// In seconds: a critical alert.
pub const BACKUP_TOO_OLD: u64 = 600;
/// A replica is behind by a second, by its promise. In seconds: a warning.
pub const LAG_LONG: u64 = 10;
/// In seconds: an alarm.
pub const LAG_TOO_LONG: u64 = 60;
/// Restores are rehearsed each night: in seconds.
pub const REHEARSAL_OLD: u64 = 36 * 3_600;
/// A volume of which less is free, in percent, is nearly full.
pub const VOLUME_LOW_PERCENT: u64 = 10;
/// A volume with less, in bytes, is full: no write of any size can be relied on.
pub const VOLUME_FULL: u64 = 1 << 20;
