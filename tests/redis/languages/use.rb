# frozen_string_literal: true

# Redis from Ruby: evaluates and tracks on the Redis at a port of this machine, and prints what it is told.
#
#   ruby use.rb PORT PREFIX
require 'splitclient-rb'

port, prefix = ARGV
begin
  factory = SplitIoClient::SplitFactory.new(
    'an-sdk-key',
    mode: :consumer, cache_adapter: :redis, redis_url: "redis://127.0.0.1:#{port}/0", redis_namespace: prefix,
    logger: Logger.new($stderr)
  )
rescue SplitIoClient::SplitIoError => e
  puts "no factory: #{e.message}"
  exit 1
end
client = factory.client
puts client.get_treatment('alice', 'checkout_v2')
puts client.get_treatment_with_config('alice', 'checkout_v2').values_at(:treatment, :config).join(' ')
puts client.track('alice', 'user', 'from.Ruby', 42.5)
puts factory.manager.split_names.size
factory.client.destroy
