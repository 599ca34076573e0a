# frozen_string_literal: true

# Evaluations in Ruby, and how much of each is the call into the library.
#
#   bench.rb CALL [CALLS]
#
# CALL is the program of call.c, which makes the same evaluation in C. The best of several repeats counts.
require 'open3'
require 'splitclient-rb'

DATA = File.expand_path('../../tests/c/data', __dir__)
FILES = [File.join(DATA, 'flags.json'), File.join(DATA, 'segments')].freeze
REPEATS = 7
calls = Integer(ARGV.fetch(1, '200000'))

factory = SplitIoClient::SplitFactory.new('localhost', split_file: FILES[0], segment_directory: FILES[1],
                                                       logger: Logger.new(IO::NULL))
client = factory.client
client.block_until_ready(10)

# Nanoseconds of one call of the block.
def best(calls, &)
  Array.new(REPEATS) do
    began = Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond)
    calls.times(&)
    (Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond) - began) / calls.to_f
  end.min
end

attributes = { age: 31, plan: 'pro', country: 'UY', beta: true }
names = %w[checkout banner adults agreed exact modern painter rollout dead gated]
rows = {
  'get_treatment' => proc { client.get_treatment('eve', 'checkout') },
  'with 4 attributes' => proc { client.get_treatment('eve', 'checkout', attributes) },
  'get_treatment_with_config' => proc { client.get_treatment_with_config('eve', 'checkout') },
  'get_treatments of 10 flags' => proc { client.get_treatments('eve', names) },
  'not a flag' => proc { client.get_treatment('eve', nil) }
}

output, status = Open3.capture2(ARGV.fetch(0), *FILES, (calls * 10).to_s)
abort 'the program in C failed' unless status.success?
in_c = Float(output)

puts "Ruby #{RUBY_VERSION}, ns per call (best of #{REPEATS}); Split's own gem cannot be had here"
puts format('%<name>-28s %<ns>10.0f %<times>8s', name: 'get_treatment in C', ns: in_c, times: '1')
rows.each do |name, call|
  ns = best(name == 'get_treatment' ? calls : calls / 10, &call)
  puts format('%<name>-28s %<ns>10.0f %<times>8.1f', name:, ns:, times: ns / in_c)
end
factory.destroy
