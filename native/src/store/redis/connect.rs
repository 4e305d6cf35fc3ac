//! One connection: a socket, TLS where the URL wants it, and the protocol on top.

use std::error::Error;
use std::io;
use std::path::Path;
use std::sync::Arc;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, RedisConnectionInfo, RedisResult};
use rustls_platform_verifier::Verifier;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};

use super::options::Address;

/// Connects and logs in. The connection lives on the runtime that this is called on.
pub(super) async fn connect(address: &Address, extra_ca: Option<&Path>) -> RedisResult<MultiplexedConnection> {
    let socket = TcpStream::connect((address.host.as_str(), address.port)).await?;
    socket.set_nodelay(true)?;
    if address.tls {
        let stream = secured(socket, &address.host, extra_ca).await?;
        logged_in(&address.login, stream).await
    } else {
        logged_in(&address.login, socket).await
    }
}

async fn logged_in<S>(login: &RedisConnectionInfo, stream: S) -> RedisResult<MultiplexedConnection>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // Every question has a deadline of its own.
    let config = AsyncConnectionConfig::new().set_response_timeout(None);
    let (connection, driver) = MultiplexedConnection::new_with_config(login, stream, config).await?;
    tokio::spawn(driver);
    Ok(connection)
}

async fn secured(socket: TcpStream, host: &str, extra_ca: Option<&Path>) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let config = trusting(extra_ca).map_err(io::Error::other)?;
    TlsConnector::from(Arc::new(config)).connect(name, socket).await
}

/// The system's authorities, and those of the file. The provider is named: a program that has two would panic else.
fn trusting(extra_ca: Option<&Path>) -> Result<ClientConfig, Box<dyn Error + Send + Sync>> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let extra: Vec<CertificateDer<'static>> = match extra_ca {
        Some(path) => CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect)
            .map_err(|error| format!("the certificate authorities in {} cannot be read: {error}", path.display()))?,
        None => Vec::new(),
    };
    let verifier = Verifier::new_with_extra_roots(extra, Arc::clone(&provider))?;
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous() // The name of the door to any verifier; the system's is the strictest there is.
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}
