# frozen_string_literal: true

# A factory made before the workers are forked, and nothing that knows of forks.
require 'json'
require 'splitclient-rb'

api = "#{ENV.fetch('BACKEND')}/api"
$split = SplitIoClient::SplitFactory.new(
  'a-key-of-ruby', base_uri: api, events_uri: api, auth_service_url: api, telemetry_service_url: api,
                   streaming_service_url: ENV.fetch('BACKEND'), features_refresh_rate: 3600, impressions_mode: :debug,
                   impressions_refresh_rate: ENV.fetch('IMPRESSIONS_REFRESH_RATE').to_i,
                   logger: Logger.new($stderr)
)
$split.client.block_until_ready(10)
$split.client.get_treatment('master', 'checkout')

run(lambda do |env|
  key = Rack::Request.new(env).params['key']
  told = { pid: Process.pid, treatment: $split.client.get_treatment(key, 'checkout') }
  $split.client.track(key, 'user', 'seen')
  [200, { 'content-type' => 'application/json' }, [JSON.generate(told)]]
end)
