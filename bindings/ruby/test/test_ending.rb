# frozen_string_literal: true

require_relative 'helper'

# The garbage collector, threads and descriptors (B08), and memory.
class TestEnding < Case
  FACTORIES = 200
  EVALUATIONS = Integer(ENV.fetch('SPLITIO_LEAK_EVALUATIONS', '200000'))

  def threads
    Dir.children('/proc/self/task').size
  end

  def descriptors
    Dir.children('/proc/self/fd').size
  end

  # Kilobytes in memory.
  def resident
    File.read('/proc/self/status')[/VmRSS:\s+(\d+)/, 1].to_i
  end

  def dropped
    options = { split_file: File.join(DATA, 'flags.json'), segment_directory: File.join(DATA, 'segments'),
                logger: SILENT, impression_listener: Helper::Listener.new }
    FACTORIES.times do |number|
      factory = SplitIoClient::SplitFactory.new('localhost', options)
      next unless number.even?

      factory.client.block_until_ready(10)
      factory.client.get_treatment('ann', 'checkout')
    end
    nil
  end

  # Made on a thread of its own, whose stack the collector takes for a place where some may still be.
  def test_b08_dropped_factories
    localhost.destroy
    GC.start
    before = [threads, descriptors]
    Thread.new { dropped }.join
    eventually(30) do
      GC.start
      threads <= before[0] && descriptors <= before[1]
    end
    assert_equal 'on', localhost.client.get_treatment('ann', 'checkout')
  end

  # A client outlives the factory object that made it.
  def test_a_client_keeps_its_factory
    client = localhost.client
    @factories.clear
    3.times { GC.start }
    assert_equal 'on', client.get_treatment('ann', 'checkout')
    client.destroy
  end

  def test_under_stress
    client = localhost.client
    GC.stress = true
    2.times do
      client.get_treatment('ann', 'checkout')
      client.get_treatment_with_config('ann', 'checkout', { age: 31, 'list' => %w[a b] })
      client.get_treatments('ann', %w[checkout banner], { age: 31 })
      client.track('ann', 'user', 'paid', 1, { a: 1 })
    end
  ensure
    GC.stress = false
  end

  def evaluate(client, count)
    attributes = { age: 31, plan: 'pro', list: %w[a b] }
    (count / 4).times do |number|
      key = "key-#{number % 1000}"
      client.get_treatment(key, 'checkout')
      client.get_treatment(key, 'adults', attributes)
      client.get_treatment_with_config(key, 'checkout', attributes)
      client.get_treatments(key, %w[checkout banner]) if (number % 4).zero?
    end
  end

  def test_memory_stays_flat
    client = localhost(impressions_mode: :none).client
    evaluate(client, EVALUATIONS / 4)
    GC.start
    before = resident
    evaluate(client, EVALUATIONS)
    GC.start
    grown = resident - before
    puts "memory: #{grown} KiB more after #{EVALUATIONS} evaluations" if ENV['SPLITIO_LEAK_EVALUATIONS']
    # 20 bytes for each of the 200,000 would be found.
    assert_operator grown, :<, 4096
  end
end
