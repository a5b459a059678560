//! The functions that run in the server; `lua/NAME.lua` says what each takes, answers and costs.

use std::sync::LazyLock;

use ::redis::Script;

/// What every function begins with.
macro_rules! base {
    () => {
        concat!(
            include_str!("lua/common/base.lua"),
            include_str!("lua/common/line.lua"),
            include_str!("lua/common/tend.lua"),
        )
    };
}

macro_rules! functions {
    ($($name:ident = $file:literal $(after $common:literal)?;)*) => { $(
        pub(super) static $name: LazyLock<Script> = LazyLock::new(|| {
            Script::new(concat!(
                base!(),
                $(include_str!(concat!("lua/common/", $common, ".lua")),)?
                include_str!(concat!("lua/", $file, ".lua")),
            ))
        });
    )* };
}

functions! {
    CANCEL = "cancel" after "command";
    CHANGE = "change";
    CLAIM = "claim";
    EVENTS = "events" after "telling";
    FORGET = "forget";
    GOODBYE = "goodbye";
    LAYOUT = "layout";
    LINE_EVENTS = "line_events";
    LINES = "lines";
    ORDER_DRAIN = "order_drain";
    PROGRESS = "progress";
    RELEASE = "release";
    RENEW = "renew";
    REPORT = "report";
    RETRY = "retry" after "command";
    SETTLE = "settle";
    START = "start";
    SUBMISSION = "submission";
    SUBMIT_AGAIN = "submit_again" after "command";
    SUBMIT_BEGIN = "submit_begin";
    SUBMIT_LINES = "submit_lines";
    SUBMIT_PUBLISH = "submit_publish" after "command";
    SWEEP = "sweep";
    TAKES_OF_VOICE = "takes_of_voice";
    WORKED = "worked";
    WORKERS = "workers";
}
