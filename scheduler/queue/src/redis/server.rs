//! The way to the server: one connection for all calls, made anew when it is of no use any more.

use std::fmt;
use std::time::{Duration, Instant};

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, Client, RedisError, Script, Value};
use tokio::sync::Mutex;
use tracing::info;

use super::address::Place;
use super::answer::Answer;
use super::{doubts, fault, function};
use crate::QueueError;

/// How long a connection may take to be made.
const CONNECTING: Duration = Duration::from_secs(5);

/// How long an answer may take. A call that answers later was done all the same: whoever repeats it
/// finds that out, see [`super::RedisQueue`].
const ANSWERING: Duration = Duration::from_secs(10);

/// The longest random pause before a lost connection is made anew, so that a thousand workers do
/// not come back in the same moment.
const JITTER: Duration = Duration::from_millis(500);

/// The newest layout of keys that this program knows.
const LAYOUT: u32 = 1;

/// Says what time it is; `None` for the server's own.
pub(super) type Time = Option<crate::Clock>;

/// A server, and the farm's place on it.
pub(super) struct Server {
    client: Client,
    pub(super) place: Place,
    time: Time,
    link: Mutex<Link>,
}

/// The connection, if there is one, and how the last try to make one ended.
#[derive(Default)]
struct Link {
    connection: Option<MultiplexedConnection>,
    /// Counts connections made, so that a spent one is given up once.
    generation: u64,
    failed: Option<(Instant, RedisError)>,
}

impl Server {
    pub(super) fn new(place: Place, time: Time) -> Result<Self, QueueError> {
        let address = place.to_string();
        // The crate asks for the process's choice; there is nothing to choose from.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = Client::open(place.info.clone()).map_err(|err| fault::at(&address, err))?;
        Ok(Self { client, place, time, link: Mutex::default() })
    }

    /// Calls a function, again as often as it has to be brought up to the present first.
    pub(super) async fn call(
        &self,
        function: &Script,
        args: &[String],
    ) -> Result<Answer, QueueError> {
        loop {
            let answer = self.call_once(function, args).await?;
            if !answer.is("again") {
                return Ok(answer);
            }
        }
    }

    async fn call_once(&self, function: &Script, args: &[String]) -> Result<Answer, QueueError> {
        let (mut connection, generation) = self.connected().await?;
        let answered = invoke(&self.place, &self.time, &mut connection, function, args).await;
        match answered {
            Ok(values) => Answer::new(values),
            Err(err) => {
                if fault::is_spent(&err) {
                    self.give_up(generation).await;
                }
                Err(fault::at(&self.place.to_string(), err))
            }
        }
    }

    /// Says what an operator should know of the server.
    pub(super) async fn doubts(&self) -> Result<Vec<String>, QueueError> {
        let (mut connection, _) = self.connected().await?;
        let place = self.place.to_string();
        doubts::of(&mut connection, &place).await.map_err(|err| fault::at(&place, err))
    }

    /// The connection, made if there is none. Whoever waited while a try failed shares its failure.
    async fn connected(&self) -> Result<(MultiplexedConnection, u64), QueueError> {
        let came = Instant::now();
        let mut link = self.link.lock().await;
        if let Some(connection) = &link.connection {
            return Ok((connection.clone(), link.generation));
        }
        let place = self.place.to_string();
        if let Some((at, err)) = &link.failed
            && *at >= came
        {
            return Err(fault::at(&place, err.clone()));
        }
        if link.generation > 0 || link.failed.is_some() {
            tokio::time::sleep(JITTER.mul_f64(fastrand::f64())).await;
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECTING))
            .set_response_timeout(Some(ANSWERING));
        let made = self.client.get_multiplexed_async_connection_with_config(&config).await;
        let mut connection = match made {
            Ok(connection) => connection,
            Err(err) => {
                link.failed = Some((Instant::now(), err.clone()));
                return Err(fault::at(&place, err));
            }
        };
        self.check_layout(&mut connection).await?;
        if link.generation == 0 {
            tell_doubts(&mut connection, &place).await;
        } else {
            info!(queue = place, "connected to the queue again");
        }
        link.generation += 1;
        link.failed = None;
        link.connection = Some(connection.clone());
        Ok((connection, link.generation))
    }

    async fn give_up(&self, generation: u64) {
        let mut link = self.link.lock().await;
        if link.generation == generation {
            link.connection = None;
        }
    }

    async fn check_layout(&self, connection: &mut MultiplexedConnection) -> Result<(), QueueError> {
        let place = self.place.to_string();
        let args = [LAYOUT.to_string()];
        let values = invoke(&self.place, &self.time, connection, &function::LAYOUT, &args)
            .await
            .map_err(|err| fault::at(&place, err))?;
        let found = Answer::new(values)?.number(1)?;
        let found = u32::try_from(found).unwrap_or(u32::MAX);
        if found > LAYOUT {
            return Err(QueueError::Version { place, found, known: LAYOUT });
        }
        Ok(())
    }
}

/// Calls a function by its hash, and sends its text when the server does not know it yet.
async fn invoke(
    place: &Place,
    time: &Time,
    connection: &mut MultiplexedConnection,
    function: &Script,
    args: &[String],
) -> Result<Vec<Value>, RedisError> {
    let mut call = function.key(&place.prefix);
    call.arg(time.as_ref().map_or_else(String::new, |clock| clock().to_string()));
    for arg in args {
        call.arg(arg);
    }
    call.invoke_async(connection).await
}

/// Tells those who run servers and workers, which log it; a producer's command does not.
async fn tell_doubts(connection: &mut MultiplexedConnection, place: &str) {
    // What cannot be asked is no reason not to work.
    for doubt in doubts::of(connection, place).await.unwrap_or_default() {
        info!(queue = place, doubt, "the queue may lose lines");
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("place", &self.place).finish_non_exhaustive()
    }
}
