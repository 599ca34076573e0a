# frozen_string_literal: true

require_relative 'helper'

# What the options of Split's gem become for the library.
class TestOptions < Case
  Options = SplitIoClient.send(:const_get, :Options)

  CASES = [
    [{ base_uri: 'http://a/api', 'events_uri' => 'http://b/api' },
     { sdk_api_base_url: 'http://a/api', events_api_base_url: 'http://b/api' }],
    [{ connection_timeout: 2, read_timeout: 0.5, connectionTimeout: nil },
     { connectionTimeout: nil, readTimeout: 500 }],
    [{ connectionTimeout: 1500 }, { connectionTimeout: 1500 }],
    [{ impressions_mode: :debug, telemetry_refresh_rate: 60 }, { impressions_mode: 'debug', metricsRefreshRate: 60 }],
    [{ reload_rate: 5 }, { localhostRefreshEnabled: true, featuresRefreshRate: 5, segmentsRefreshRate: 5 }],
    [{ redis_url: 'redis://localhost/1' }, {}],
    [{ cache_adapter: :redis }, { redisHost: '127.0.0.1', redisPort: 6379, redisDb: 0 }],
    [{ cache_adapter: :redis, redis_url: 'rediss://ann:se%20cret@host:7000/3', redis_namespace: 'p', mode: :consumer },
     { redisHost: 'host', redisPort: 7000, redisDb: 3, redisUsername: 'ann', redisPassword: 'se cret', redisSsl: true,
       redisPrefix: 'p' }],
    [{ mode: :consumer, redis_url: 'redis://:7000' }, { redisHost: '127.0.0.1', redisPort: 7000, redisDb: 0 }],
    [{ cache_adapter: :redis, redis_url: 'unix:///run/redis.sock' }, { redisUnixSocketPath: '/run/redis.sock' }],
    [{ cache_adapter: :redis, redis_url: { db: 2, timeout: 3 } },
     { redisHost: '127.0.0.1', redisDb: 2, redisSocketTimeout: 3, redisSocketConnectTimeout: 3 }],
    [{ cache_adapter: :redis, redis_url: { url: 'redis://main', sentinels: [{ host: 'a', port: 1 }], db: 2 } },
     { redisPort: 6379, redisDb: 2, redisSentinels: [['a', 1]], redisMasterService: 'main' }],
    [{ flag_sets_filter: Set['a'], custom_headers: { 'X-A': :b } },
     { flag_sets_filter: ['a'], custom_headers: { 'X-A': 'b' } }],
    [{ fallback_treatments: SplitIoClient::Engine::Models::FallbackTreatmentsConfiguration.new('off') },
     { fallback_treatments: { global: 'off' } }]
  ].freeze

  def json(given)
    JSON.parse(Options.new(given).json, symbolize_names: true)
  end

  def test_options
    always = { strictConfig: false, logLevel: 'info', sdkName: 'ruby', sdkVersion: SplitIoClient::VERSION }
    CASES.each { |given, expected| assert_equal always.merge(expected), json(given), given.inspect }
    assert_equal 'debug', json(debug_enabled: true)[:logLevel]
    assert_equal 'ruby', json(sdk_name: 'x', sdkName: 'y')[:sdkName]
  end

  def test_urls_of_redis_that_cannot_be
    ['redis://:sec#ret@host', 'redis://ho st', 'localhost:6379', 5].each do |url|
      error = assert_raises(ArgumentError, url.inspect) { Options.new(cache_adapter: :redis, redis_url: url) }
      assert_match(/\Aoption redis_url: /, error.message)
      refute_match(/ret@/, error.full_message(highlight: false))
    end
  end

  def test_evaluations_wait_with_redis_only
    assert_predicate Options.new(cache_adapter: :redis), :waits?
    assert_predicate Options.new(redis_host: 'h'), :waits?
    refute_predicate Options.new(redis_url: 'redis://h'), :waits?
    refute_predicate Options.new(redis_namespace: 'n'), :waits?
  end

  def test_how_long_to_wait
    assert_equal [15, 3, 4], [{}, { ready: 3 }, { block_until_ready: 4 }].map { |given| Options.new(given).ready }
  end

  def test_the_logger_is_that_of_rails
    program = <<~'RUBY'
      require 'stringio'
      module Rails
        def self.logger = @logger ||= Logger.new(File.open(File::NULL))
      end
      require 'splitclient-rb'
      options = SplitIoClient.send(:const_get, :Options)
      puts options.default_logger.equal?(Rails.logger)
    RUBY
    assert_equal "true\n", run_ruby(program).first
  end
end
