# frozen_string_literal: true

# Redis from Ruby: evaluates and tracks on the Redis at a port of this machine, and prints what it is told.
#
#   ruby use.rb PORT PREFIX
#   ruby use.rb PORT PREFIX PID      pauses that server, and counts while an evaluation waits for it
require 'splitclient-rb'

port, prefix, server = ARGV
begin
  factory = SplitIoClient::SplitFactory.new(
    'an-sdk-key',
    mode: :consumer, cache_adapter: :redis, redis_url: "redis://127.0.0.1:#{port}/0", redis_namespace: prefix,
    logger: Logger.new($stderr), redis_socket_timeout: 0.5, redis_local_cache_enabled: false
  )
rescue SplitIoClient::SplitIoError => e
  puts "no factory: #{e.message}"
  exit 1
end
client = factory.client
if server
  Process.kill(:STOP, server.to_i)
  began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  waiting = Thread.new { client.get_treatment('alice', 'checkout_v2') }
  turns = 0
  turns += 1 until waiting.join(0.005)
  puts waiting.value, turns, Process.clock_gettime(Process::CLOCK_MONOTONIC) - began
  Process.kill(:CONT, server.to_i)
  exit
end
puts client.get_treatment('alice', 'checkout_v2')
puts client.get_treatment_with_config('alice', 'checkout_v2').values_at(:treatment, :config).join(' ')
puts client.track('alice', 'user', 'from.Ruby', 42.5)
puts factory.manager.split_names.size
factory.client.destroy
