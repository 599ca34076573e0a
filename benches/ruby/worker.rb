# frozen_string_literal: true

# This library, called from Ruby, as a contestant of the bench.
#
#   worker.rb URL MODE
#
# See run.py for the lines that it reads and writes. Ruby's threads take turns: asked for two it has no answer.
require 'splitclient-rb'

KEYS = Array.new(1000) { |number| format('user-%015d', number) }.freeze
TWO = { age: 30, country: 'us' }.freeze
FOUR = { age: 30, country: 'us', plan: 'pro', beta: true }.freeze
TEAM = Array.new(20) { |number| "team_#{number}" }.freeze

# Hears impressions.
class Listener
  attr_reader :heard

  def log(_impression)
    @heard = (@heard || 0) + 1
  end
end

def now(clock = Process::CLOCK_MONOTONIC)
  Process.clock_gettime(clock, :nanosecond)
end

def started(url, mode)
  options = { base_uri: "#{url}/api", events_uri: "#{url}/api", auth_service_url: "#{url}/api",
              telemetry_service_url: "#{url}/api", streaming_service_url: url, streaming_enabled: mode == 'streaming',
              read_timeout: 120, impressions_mode: mode == 'none' ? :none : :optimized, logger: Logger.new(IO::NULL) }
  options[:impression_listener] = Listener.new if mode == 'listener'
  client = SplitIoClient::SplitFactory.new('bench-key', options).client
  client.block_until_ready(300)
  client
end

$stdout.sync = true
begun = now
url, mode = ARGV
client = started(url, mode)

# What is done with a key; how many answers are "on".
scenarios = {
  '5050' => ->(key) { client.get_treatment(key, '5050') == 'on' ? 1 : 0 },
  'whitelist' => ->(key) { client.get_treatment(key, 'whitelist') == 'on' ? 1 : 0 },
  'probe' => ->(key) { client.get_treatment(key, 'probe') == 'on' ? 1 : 0 },
  'member' => ->(key) { client.get_treatment(key, 'member') == 'on' ? 1 : 0 },
  'attr' => ->(key) { client.get_treatment(key, 'attr', TWO) == 'on' ? 1 : 0 },
  'segment' => ->(key) { client.get_treatment(key, 'segment') == 'on' ? 1 : 0 },
  'kept' => ->(key) { client.get_treatment(key, 'four', FOUR) == 'on' ? 1 : 0 },
  'fresh' => lambda { |key|
    client.get_treatment(key, 'four', { age: 30, country: 'us', plan: 'pro', beta: true }) == 'on' ? 1 : 0
  },
  'config' => lambda { |key|
    answer = client.get_treatment_with_config(key, 'configured')
    answer[:treatment] == 'on' && answer[:config] ? 1 : 0
  },
  'twenty' => ->(key) { client.get_treatments(key, TEAM).each_value.count('on') },
  'set' => ->(key) { client.get_treatments_by_flag_set(key, 'team').each_value.count('on') }
}

puts format('ready %.3f', (now - begun) / 1e6)
unique = 0
$stdin.each_line do |line|
  scenario, threads, calls = line.split
  calls = Integer(calls)
  if scenario == 'await'
    before = scenarios['probe'].call(KEYS[0])
    puts('waiting')
    Thread.pass while scenarios['probe'].call(KEYS[0]) == before
    next puts(now(Process::CLOCK_REALTIME))
  end
  call = scenarios[%w[unique hundred].include?(scenario) ? '5050' : scenario]
  next puts('-') if call.nil? || threads != '1'

  keys = scenario == 'hundred' ? KEYS.first(100) : KEYS
  keys = Array.new(calls) { |number| format('new-%016d', unique + number) } if scenario == 'unique'
  unique += calls if scenario == 'unique'
  on = index = 0
  before = now(Process::CLOCK_THREAD_CPUTIME_ID)
  wall = now
  while index < calls
    on += call.call(keys[index % keys.size])
    index += 1
  end
  took = now - wall
  used = now(Process::CLOCK_THREAD_CPUTIME_ID) - before
  puts format('%<used>.1f %<took>.1f %<on>d -', used: used / calls.to_f, took: took / calls.to_f, on:)
end
# Nothing is left to be sent.
exit!(0)
