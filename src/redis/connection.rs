//! One connection: made, introduced, asked.
//!
//! The `redis` crate packs commands and reads answers; its own connections limit single reads instead of whole calls, know
//! only the host as a name for TLS, and replace the system's roots by one's own.

use std::fmt;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Instant;

use ::redis::{Parser, Pipeline, ServerError, Value};

use super::RedisError;
use super::address::Address;
use super::socket::Socket;
use super::tls::{Tls, TlsStream};
use crate::config::{KeepaliveOptions, RedisConfig, Secret};
use crate::descriptors::Descriptors;
use crate::transport::SetupError;

/// Makes connections.
pub(super) struct Dialer {
    tls: Option<Tls>,
    keepalive: Option<KeepaliveOptions>,
    descriptors: Arc<Descriptors>,
}

/// What a connection begins with.
#[derive(Clone)]
pub(super) struct Login {
    pub(super) username: Option<String>,
    pub(super) password: Option<Secret>,
    pub(super) db: u32,
}

/// A connection that has answered once.
pub(super) struct Connection {
    stream: Stream,
    parser: Parser,
    address: Arc<Address>,
    endpoint: Arc<str>,
}

enum Stream {
    Plain(Socket),
    Tls(Box<TlsStream>),
}

impl Dialer {
    pub(super) fn new(config: &RedisConfig, descriptors: Arc<Descriptors>) -> Result<Self, SetupError> {
        let keepalive = config.socket_keepalive.then_some(config.socket_keepalive_options);
        Ok(Dialer { tls: Tls::of(config)?, keepalive, descriptors })
    }

    /// Connects, and says who asks. Only a server that answers counts as connected: one that accepts and is silent, or
    /// has no room for clients, is found out here.
    pub(super) fn dial(&self, address: &Address, login: &Login, deadline: Instant) -> Result<Connection, RedisError> {
        let endpoint: Arc<str> = address.to_string().into();
        let stream = self.open(address, deadline).map_err(|cause| {
            let is_mute = cause.kind() == io::ErrorKind::TimedOut && cause.get_ref().is_none();
            let cause = if is_mute { io::Error::new(io::ErrorKind::TimedOut, "it took too long") } else { cause };
            RedisError::Connect { endpoint: endpoint[..].into(), cause }
        })?;
        let address = Arc::new(address.clone());
        let mut connection = Connection { stream, parser: Parser::new(), address, endpoint };
        connection.introduce(login, deadline).map_err(|error| match error {
            // TLS 1.3 refuses client certificates only here.
            RedisError::Broken { endpoint, cause } => RedisError::Connect { endpoint, cause },
            error => error,
        })?;
        Ok(connection)
    }

    fn open(&self, address: &Address, deadline: Instant) -> io::Result<Stream> {
        let mut socket = Socket::connect(address, self.keepalive.as_ref(), &self.descriptors, deadline)?;
        socket.set_deadline(deadline);
        let host = match address {
            Address::Tcp(node) => &*node.host,
            Address::Unix(_) => "localhost",
        };
        match &self.tls {
            Some(tls) => Ok(Stream::Tls(Box::new(tls.connect(host, socket)?))),
            None => Ok(Stream::Plain(socket)),
        }
    }
}

impl Login {
    fn commands(&self) -> Pipeline {
        let mut commands = Pipeline::new();
        if let Some(password) = &self.password {
            let auth = commands.cmd("AUTH");
            if let Some(username) = &self.username {
                auth.arg(username);
            }
            auth.arg(password.expose());
        }
        if self.db != 0 {
            commands.cmd("SELECT").arg(self.db);
        }
        commands.cmd("PING");
        commands
    }

    /// A server's text, without the password: what does not know `AUTH` repeats its arguments, of long ones the beginning.
    fn without_secret(&self, text: &str) -> Box<str> {
        match &self.password {
            Some(password) => {
                let text = text.split_once(", with args").map_or(text, |(reason, _)| reason);
                text.replace(password.expose(), "***").into()
            }
            None => text.into(),
        }
    }
}

impl Connection {
    /// Where it leads to.
    pub(super) fn address(&self) -> &Arc<Address> {
        &self.address
    }

    fn introduce(&mut self, login: &Login, deadline: Instant) -> Result<(), RedisError> {
        let commands = login.commands();
        let refused = |endpoint: &str, message: &str| RedisError::Refused {
            endpoint: endpoint.into(),
            message: login.without_secret(message),
        };
        let answers = match self.exchange(&commands.get_packed_pipeline(), commands.len(), deadline) {
            Err(RedisError::Refused { endpoint, message }) => return Err(refused(&endpoint, &message)),
            answers => answers?,
        };
        for answer in &answers {
            match answer {
                // Who may not ask for a sign of life has got one.
                Value::ServerError(error) if error.code() != "NOPERM" => {
                    return Err(refused(&self.endpoint, &text_of(error)));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Sends packed commands and reads their answers. After an error the connection is of no more use.
    pub(super) fn exchange(
        &mut self,
        commands: &[u8],
        count: usize,
        deadline: Instant,
    ) -> Result<Vec<Value>, RedisError> {
        self.stream.socket().set_deadline(deadline);
        // What is sent is done, whether or not anybody waits for the answer.
        if Instant::now() >= deadline {
            return Err(RedisError::of_exchange(&self.endpoint, io::ErrorKind::TimedOut.into()));
        }
        let mut answers = Vec::with_capacity(count);
        // A server that turns clients away says so without being asked, and closes: sending may fail before that is read.
        let sent = self.stream.send(commands);
        if let Err(error) = &sent
            && error.kind() == io::ErrorKind::TimedOut
        {
            return Err(RedisError::of_exchange(&self.endpoint, io::ErrorKind::TimedOut.into()));
        }
        let mut reader = Reader { stream: &mut self.stream, failure: None };
        while answers.len() < count {
            match self.parser.parse_value(&mut reader) {
                Ok(answer) => answers.push(answer),
                Err(_) => {
                    let reading = reader.failure;
                    return Err(self.failure(sent.err(), reading, answers.first()));
                }
            }
        }
        Ok(answers)
    }

    /// Why there is no answer, the best reason first.
    fn failure(&self, sending: Option<io::Error>, reading: Option<io::Error>, first: Option<&Value>) -> RedisError {
        let refused =
            |message: String| RedisError::Refused { endpoint: self.endpoint[..].into(), message: message.into() };
        match (reading, first) {
            (None, _) => {
                refused("something that Redis does not say; is it another kind of server, or one with TLS?".to_owned())
            }
            (Some(cause), Some(Value::ServerError(error))) if cause.kind() != io::ErrorKind::TimedOut => {
                refused(text_of(error))
            }
            (Some(cause), _) => RedisError::of_exchange(&self.endpoint, sending.unwrap_or(cause)),
        }
    }

    /// Whether anything of the last exchange left this machine.
    pub(super) fn has_sent(&mut self) -> bool {
        self.stream.socket().has_sent()
    }

    /// Whether an idle connection is open still, and owes nobody an answer. Costs one look, without waiting.
    pub(super) fn is_usable(&mut self) -> bool {
        match &mut self.stream {
            Stream::Plain(socket) => {
                socket.read_now(&mut [0]).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
            }
            Stream::Tls(stream) => is_quiet(stream),
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// Reads what TLS has to say to itself, such as tickets; anything else, the end included, is none of its business.
fn is_quiet(stream: &mut TlsStream) -> bool {
    struct Now<'s>(&'s mut Socket);
    impl io::Read for Now<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read_now(buffer)
        }
    }
    loop {
        match stream.conn.read_tls(&mut Now(&mut stream.sock)) {
            Ok(0) => return false,
            Ok(_) => match stream.conn.process_new_packets() {
                Ok(state) if state.plaintext_bytes_to_read() == 0 && !state.peer_has_closed() => {}
                _ => return false,
            },
            Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
        }
    }
}

impl Stream {
    fn socket(&mut self) -> &mut Socket {
        match self {
            Stream::Plain(socket) => socket,
            Stream::Tls(stream) => &mut stream.sock,
        }
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Stream::Plain(socket) => socket.write_all(bytes),
            Stream::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
    }
}

/// Keeps what went wrong, which the parser does not pass on.
struct Reader<'s> {
    stream: &'s mut Stream,
    failure: Option<io::Error>,
}

impl io::Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let failure = match self.stream.read(buffer) {
            Ok(count) if count > 0 => return Ok(count),
            // TLS calls an end without a goodbye an error, at length.
            Ok(_) => io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed it"),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                io::Error::new(error.kind(), "the server closed it")
            }
            Err(error) => error,
        };
        let kind = failure.kind();
        self.failure = Some(failure);
        Err(kind.into())
    }
}

impl io::Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(socket) => socket.read(buffer),
            Stream::Tls(stream) => stream.read(buffer),
        }
    }
}

/// What a server says, as it says it: the code and the rest.
pub(crate) fn text_of(error: &ServerError) -> String {
    match error.details() {
        Some(details) => format!("{} {details}", error.code()),
        None => error.code().to_owned(),
    }
}
