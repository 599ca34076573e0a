# frozen_string_literal: true

require 'json'
require 'logger'
require 'uri'

module SplitIoClient
  # The options of a factory on their way to the library.
  #
  # They go there as JSON, by whatever name. Known by name are only those that are objects in Ruby, and those to which
  # Split's gem gives another name, or another unit, than its other SDKs.
  # @private
  class Options
    RENAMED = {
      base_uri: :sdk_api_base_url, events_uri: :events_api_base_url, auth_service_url: :auth_api_base_url,
      streaming_service_url: :streaming_api_base_url, telemetry_service_url: :telemetry_api_base_url,
      telemetry_refresh_rate: :metricsRefreshRate, redis_namespace: :redisPrefix
    }.freeze
    # Seconds here, milliseconds in the library. In camel case they are the library's.
    SECONDS = { connection_timeout: :connectionTimeout, read_timeout: :readTimeout }.freeze
    # What makes the library use Redis, whatever the value.
    REDIS = %w[redishost redissentinels redisclusternodes redisunixsocketpath].freeze
    # What a Hash for `redis_url` has in the gem redis, and what it is here.
    REDIS_PARTS = {
      host: :redisHost, port: :redisPort, db: :redisDb, username: :redisUsername, password: :redisPassword,
      path: :redisUnixSocketPath, ssl: :redisSsl, sentinel_username: :redisSentinelUsername,
      sentinel_password: :redisSentinelPassword
    }.freeze
    # The same for its `ssl_params`. Modes of verification are numbers of OpenSSL there.
    SSL_PARTS = { ca_file: :redisSslCaCerts, verify_mode: :redisSslCertReqs, hostname: :redisSslServerName }.freeze
    # Those that are read by themselves.
    OTHER_PARTS = %i[url sentinels name timeout read_timeout connect_timeout ssl_params].freeze
    # Seconds that `block_until_ready` waits when it is not told.
    READY = 15

    # @return [Logger] or whatever answers to error, warn, info and debug
    attr_reader :logger
    # @return [#log, nil]
    attr_reader :listener
    # @return [Numeric] see {READY}
    attr_reader :ready

    def initialize(given)
      given = given.to_h.transform_keys { |name| name.to_s.to_sym }
      @logger = given.delete(:logger) || Options.default_logger
      @listener = given.delete(:impression_listener) || given.delete(:impressionListener)
      @ready = [given.delete(:ready), given.delete(:block_until_ready)].grep(Numeric).find(&:positive?) || READY
      @debug = [given.delete(:debug_enabled), given.delete(:transport_debug_enabled)].any?
      redis = redis(given)
      @values = renamed(given).merge(redis)
    end

    # @return [Boolean] whether an evaluation waits for a server
    def waits?
      @values.any? { |name, _| REDIS.include?(name.to_s.delete('_').downcase) }
    end

    # @return [Boolean] whether making a factory waits for a server
    def slow_start?
      waits? || @values.any? { |name, value| value && name.to_s.delete('_').casecmp?('preforkedInitialization') }
    end

    # @return [String] what the library is given
    def json
      values = { 'strictConfig' => false, 'logLevel' => @debug ? 'debug' : 'info' }
      @values.each { |name, value| values[name.to_s] = option(value) }
      JSON.generate(values.merge('sdkName' => 'ruby', 'sdkVersion' => VERSION))
    end

    # @return [Integer] the kinds of records that are queued for Ruby
    def kinds
      Native::QUEUE_LOGS | Native::QUEUE_EVENTS | (@listener ? Native::QUEUE_IMPRESSIONS : 0)
    end

    # @return [Logger] that of Rails, else one to standard output, as with Split's gem
    def self.default_logger
      (defined?(Rails) && Rails.respond_to?(:logger) && Rails.logger) || Logger.new($stdout)
    end

    private

    def renamed(given)
      given.each_with_object({}) do |(name, value), options|
        if SECONDS.key?(name) && value.is_a?(Numeric)
          options[SECONDS[name]] = (value * 1000).ceil
        elsif name == :reload_rate
          options.update(localhostRefreshEnabled: true, featuresRefreshRate: value, segmentsRefreshRate: value)
        else
          options[RENAMED.fetch(name, name)] = value
        end
      end
    end

    # Split's gem uses Redis when the cache adapter or the mode say so, wherever redis_url points.
    def redis(given)
      url = given.delete(:redis_url)
      chosen = given.values_at(:cache_adapter, :mode).map(&:to_s)
      %i[cache_adapter mode].each { |name| given.delete(name) }
      return {} unless chosen[0] == 'redis' || chosen[1] == 'consumer'

      url.is_a?(Hash) ? redis_parts(url.transform_keys(&:to_sym)) : redis_address(url || 'redis://127.0.0.1:6379/0')
    end

    def redis_address(url)
      address = parsed(url)
      login = { redisUsername: presence(address.user), redisPassword: presence(address.password) }.compact
      return login.merge(socket(address)) if address.scheme == 'unix'

      login.merge({ redisHost: presence(address.hostname) || '127.0.0.1', redisPort: address.port || 6379,
                    redisDb: address.path.delete('/').to_i, redisSsl: address.scheme == 'rediss' || nil }.compact)
    end

    def socket(address)
      database = URI.decode_www_form(address.query.to_s).to_h['db']
      { redisUnixSocketPath: presence(address.path), redisDb: database&.to_i }.compact
    end

    # The error of URI would tell the password.
    def parsed(url)
      address = URI.parse(url)
      return address if %w[redis rediss unix].include?(address.scheme)

      raise ArgumentError, 'option redis_url: it must begin with redis://, rediss:// or unix://'
    rescue URI::InvalidURIError
      raise ArgumentError, 'option redis_url: it is no URL; special characters of a password are written as %23',
            cause: nil
    end

    # A Hash as the gem redis takes it.
    def redis_parts(parts)
      address = parts[:url] ? redis_address(parts[:url]) : {}
      sentinels = parts[:sentinels]&.map { |one| one.transform_keys(&:to_sym).values_at(:host, :port) }
      if sentinels
        address.update(redisSentinels: sentinels, redisMasterService: parts[:name] || address.delete(:redisHost))
      end
      address = { redisHost: '127.0.0.1' } if address.empty? && parts[:path].nil?
      address.merge(redis_details(parts).compact)
    end

    def redis_details(parts)
      ssl = parts[:ssl_params].to_h.transform_keys(&:to_sym)
      unknown(parts.keys - REDIS_PARTS.keys - OTHER_PARTS, ssl.keys - SSL_PARTS.keys)
      ssl[:verify_mode] = ssl[:verify_mode].zero? ? 'none' : 'required' if ssl[:verify_mode].is_a?(Integer)
      { redisSocketTimeout: parts[:read_timeout] || parts[:timeout],
        redisSocketConnectTimeout: parts[:connect_timeout] || parts[:timeout] }
        .merge(picked(parts, REDIS_PARTS), picked(ssl, SSL_PARTS))
    end

    def picked(parts, names)
      parts.slice(*names.keys).transform_keys(names)
    end

    # Their names only: values may be secret.
    def unknown(parts, ssl)
      names = parts + ssl.map { |name| "ssl_params.#{name}" }
      @logger.warn("option redis_url: not known here, and ignored: #{names.join(', ')}") unless names.empty?
    end

    def presence(text)
      URI.decode_www_form_component(text) unless text.nil? || text.empty?
    end

    def option(value)
      case value
      when Engine::Models::FallbackTreatmentsConfiguration
        { 'global' => option(value.global_fallback_treatment),
          'byFlag' => option(value.by_flag_fallback_treatment) }.compact
      when Engine::Models::FallbackTreatment
        { 'treatment' => option(value.treatment), 'config' => option(value.config) }.compact
      when Hash then value.to_h { |name, item| [name.to_s, option(item)] }
      when Array, Set then value.map { |item| option(item) }
      when Float then value.finite? ? value : value.to_s
      else Values.plain(value)
      end
    end
  end
  private_constant :Options
end
