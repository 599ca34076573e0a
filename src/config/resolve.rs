//! From what the user said to what holds: the mode, and what options mean to each other.
//!
//! Apart from [`Settings`], because it takes all of them and the SDK key: an option's default may hang on another
//! option, and what is an error in one mode is not even read in the next.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value as Json;

use super::error::{ConfigError, Notice};
use super::fallback;
use super::parse::{self, Value};
use super::reader::{Reader, default_text, duration};
use super::settings::Settings;
use super::spec::Range;
use super::table::Id;
use super::values::{BaseUrl, Config, ImpressionsMode, Mode, PemFile, Secret};
use super::{flag_set, network, redis};
use crate::logging::Level;

/// Least patience with an answer that has begun, unless readTimeout says otherwise.
const READ_TIMEOUT: Duration = Duration::from_secs(15);

/// In the home directory, where the option splitFile names no other. As of Split's SDKs.
pub(crate) const DEFAULT_FILE: &str = ".split";

impl Settings {
    /// Decides the mode, and makes typed values of everything. Reads the certificate files that options name, if the
    /// mode needs them. The notices are what to log when a factory is made.
    pub fn resolve(&self, sdk_key_is_localhost: bool) -> Result<(Config, Vec<Notice>), ConfigError> {
        let home = env::var_os(if cfg!(windows) { "USERPROFILE" } else { "HOME" });
        self.resolve_at_home(sdk_key_is_localhost, home)
    }

    pub(super) fn resolve_at_home(
        &self,
        sdk_key_is_localhost: bool,
        home: Option<OsString>,
    ) -> Result<(Config, Vec<Notice>), ConfigError> {
        let home = home.filter(|home| !home.is_empty()).map(PathBuf::from);
        let mut reader = Reader { settings: self, notices: self.notices().cloned().collect() };
        let mode = reader.mode(sdk_key_is_localhost)?;
        let config = reader.config(mode, home)?;
        Ok((config, reader.notices))
    }
}

impl Reader<'_> {
    fn mode(&mut self, sdk_key_is_localhost: bool) -> Result<Mode, ConfigError> {
        let selects_redis = [Id::RedisHost, Id::RedisSentinels, Id::RedisClusterNodes, Id::RedisUnixSocketPath];
        if sdk_key_is_localhost {
            return Ok(Mode::Localhost);
        }
        if selects_redis.into_iter().any(|id| self.is_given(id)) {
            return Ok(Mode::Redis);
        }
        match self.text(Id::StorageType) {
            Some(storage) if storage.trim().eq_ignore_ascii_case("pluggable") => Err(ConfigError::Pluggable),
            Some(storage) => {
                let storage = parse::quoted(storage);
                self.warn(
                    Id::StorageType,
                    format_args!("{storage} is not \"pluggable\"; definitions are kept in memory"),
                );
                Ok(Mode::Standalone)
            }
            None => Ok(Mode::Standalone),
        }
    }

    fn config(&mut self, mode: Mode, home: Option<PathBuf>) -> Result<Config, ConfigError> {
        let scheme = self.choice(Id::HttpAuthenticateScheme);
        if scheme != "NONE" {
            return Err(ConfigError::Kerberos { scheme });
        }
        let impressions_mode = match self.choice(Id::ImpressionsMode) {
            "DEBUG" => ImpressionsMode::Debug,
            "NONE" => ImpressionsMode::None,
            _ => ImpressionsMode::Optimized,
        };
        let connection_timeout = duration(self.number(Id::ConnectionTimeout) / 1000.0);
        let read_timeout = self
            .given_number(Id::ReadTimeout, Id::ReadTimeout.spec().range)
            .map_or(connection_timeout.max(READ_TIMEOUT), |ms| duration(ms / 1000.0));
        let (flag_sets, flag_sets_total) = self.flag_sets(mode);
        let (mtls_cert_path, mtls_key_path) = self.client_certificate(mode)?;
        let redis = redis::read(self, mode)?;
        let config = Config {
            mode,

            preforked_initialization: self.boolean(Id::PreforkedInitialization),
            resume_on_fork: self.boolean(Id::ResumeOnFork),
            strict_config: self.boolean(Id::StrictConfig),
            log_level: match self.choice(Id::LogLevel) {
                "error" => Some(Level::Error),
                "warning" => Some(Level::Warning),
                "info" => Some(Level::Info),
                "debug" => Some(Level::Debug),
                _ => None,
            },
            sdk_name: self.identity(Id::SdkName).unwrap_or_else(|| default_text(Id::SdkName).to_owned()),
            sdk_version: self.identity(Id::SdkVersion).unwrap_or_else(|| env!("CARGO_PKG_VERSION").to_owned()),

            features_refresh_rate: self.seconds(Id::FeaturesRefreshRate),
            segments_refresh_rate: self.seconds(Id::SegmentsRefreshRate),
            streaming_enabled: self.boolean(Id::StreamingEnabled),
            streaming_honor_conn_delay: self.boolean(Id::StreamingHonorConnDelay),
            connection_timeout,
            read_timeout,
            flag_sets_invalid: flag_sets_total - flag_sets.len(),
            flag_sets_filter: (!flag_sets.is_empty()).then_some(flag_sets),
            flag_sets_total,

            impressions_mode,
            impressions_refresh_rate: self.impressions_refresh_rate(impressions_mode),
            impressions_bulk_size: self.count(Id::ImpressionsBulkSize),
            impressions_queue_size: self.count(Id::ImpressionsQueueSize),
            labels_enabled: self.boolean(Id::LabelsEnabled),
            data_sampling: self.number(Id::DataSampling),

            events_push_rate: self.seconds(Id::EventsPushRate),
            events_bulk_size: self.count(Id::EventsBulkSize),
            events_queue_size: self.count(Id::EventsQueueSize),
            metrics_refresh_rate: self.seconds(Id::MetricsRefreshRate),

            ip_addresses_enabled: self.boolean(Id::IpAddressesEnabled),
            machine_name: self.identity(Id::MachineName),
            machine_ip: self.identity(Id::MachineIp),

            split_file: match (self.text(Id::SplitFile), &home) {
                (Some(path), _) => path.into(),
                (None, Some(home)) => home.join(DEFAULT_FILE),
                (None, None) if mode == Mode::Localhost => return Err(ConfigError::NoHome),
                (None, None) => PathBuf::new(),
            },
            segment_directory: self.text(Id::SegmentDirectory).map(PathBuf::from).or(home),
            localhost_refresh_enabled: self.boolean(Id::LocalhostRefreshEnabled),

            redis,

            fallback_treatments: match self.settings.value(Id::FallbackTreatments) {
                Some(Value::Object(given)) => fallback::read(given, |text| self.warn(Id::FallbackTreatments, text)),
                _ => Default::default(),
            },

            sdk_api_base_url: self.base_url(Id::SdkApiBaseUrl)?,
            events_api_base_url: self.base_url(Id::EventsApiBaseUrl)?,
            auth_api_base_url: self.base_url(Id::AuthApiBaseUrl)?,
            streaming_api_base_url: self.base_url(Id::StreamingApiBaseUrl)?,
            telemetry_api_base_url: self.base_url(Id::TelemetryApiBaseUrl)?,
            proxy_url: self.proxy(),
            custom_headers: match self.settings.value(Id::CustomHeaders) {
                Some(Value::Object(given)) => network::headers(given, |text| self.warn(Id::CustomHeaders, text))?,
                _ => Default::default(),
            },
            ca_bundle_path: match mode {
                Mode::Standalone => self.pem_file(Id::CaBundlePath)?,
                _ => None,
            },
            mtls_cert_path,
            mtls_key_path,
        };
        if mode == Mode::Standalone {
            self.warn_of_clear_text(&config);
        }
        Ok(config)
    }

    /// The valid flag sets of the filter, and how many were given.
    fn flag_sets(&mut self, mode: Mode) -> (Vec<String>, usize) {
        let Some(Value::List(given)) = self.settings.value(Id::FlagSetsFilter) else {
            return (Vec::new(), 0);
        };
        if matches!(mode, Mode::Redis | Mode::Pluggable) {
            self.warn(Id::FlagSetsFilter, "a storage that others fill cannot be filtered; the filter is ignored");
            return (Vec::new(), 0);
        }
        let names = given.iter().map(Json::as_str);
        let valid = flag_set::sanitise(names, "option flagSetsFilter", |level, text| {
            self.notices.push(Notice { level, text });
        });
        (valid, given.len())
    }

    /// Default and minimum depend on the mode: in DEBUG mode every impression waits to be sent.
    fn impressions_refresh_rate(&mut self, mode: ImpressionsMode) -> Duration {
        let range = match mode {
            ImpressionsMode::Debug => Id::ImpressionsRefreshRate.spec().range,
            _ => Range::Raised { min: 60.0, max: f64::INFINITY },
        };
        match (self.given_number(Id::ImpressionsRefreshRate, range), mode) {
            (Some(given), _) => duration(given),
            (None, ImpressionsMode::Debug) => Duration::from_secs(60),
            (None, _) => self.seconds(Id::ImpressionsRefreshRate),
        }
    }

    fn base_url(&self, id: Id) -> Result<BaseUrl, ConfigError> {
        network::base_url(id.spec().name, self.text_or_default(id), default_text(id))
    }

    fn proxy(&mut self) -> Option<Secret> {
        match network::proxy(self.text(Id::ProxyUrl)?) {
            Ok(proxy) => Some(proxy),
            Err(problem) => {
                self.warn(Id::ProxyUrl, format_args!("{problem}; no proxy is used but that of the environment"));
                None
            }
        }
    }

    fn client_certificate(&self, mode: Mode) -> Result<(Option<PemFile>, Option<PemFile>), ConfigError> {
        let (certificate, key) = (Id::MtlsCertPath, Id::MtlsKeyPath);
        let incomplete = |name: Id, missing: Id| {
            Err(ConfigError::Incomplete { name: name.spec().name, missing: missing.spec().name })
        };
        match (mode, self.is_given(certificate), self.is_given(key)) {
            (Mode::Standalone, true, true) => Ok((self.pem_file(certificate)?, self.pem_file(key)?)),
            (Mode::Standalone, true, false) => incomplete(certificate, key),
            (Mode::Standalone, false, true) => incomplete(key, certificate),
            _ => Ok((None, None)),
        }
    }

    pub(super) fn pem_file(&self, id: Id) -> Result<Option<PemFile>, ConfigError> {
        self.text(id).map(|path| network::pem_file(id.spec().name, path)).transpose()
    }

    /// Whoever did not mean it should know.
    fn warn_of_clear_text(&mut self, config: &Config) {
        let clear = [
            (Id::SdkApiBaseUrl, &config.sdk_api_base_url),
            (Id::EventsApiBaseUrl, &config.events_api_base_url),
            (Id::AuthApiBaseUrl, &config.auth_api_base_url),
            (Id::StreamingApiBaseUrl, &config.streaming_api_base_url),
            (Id::TelemetryApiBaseUrl, &config.telemetry_api_base_url),
        ]
        .into_iter()
        .find(|(_, url)| network::is_clear_text(&url.text));
        if let Some((id, _)) = clear {
            self.warn(id, "with http:// the SDK key is sent in clear text");
        }
    }
}

#[cfg(test)]
mod tests;
