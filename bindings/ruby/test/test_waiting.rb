# frozen_string_literal: true

require_relative 'helper'

# Nothing that waits stands in the way: of other threads (B36), of Ctrl-C (B07), of Timeout.
class TestWaiting < Case
  NOWHERE = { base_uri: 'http://127.0.0.1:1/api', events_uri: 'http://127.0.0.1:1/api', logger: SILENT,
              auth_service_url: 'http://127.0.0.1:1/api', telemetry_service_url: 'http://127.0.0.1:1/api' }.freeze

  # How many turns another thread makes while the block waits, and for how long.
  def meanwhile
    turns = 0
    other = Thread.new do
      loop do
        turns += 1
        sleep 0.001
      end
    end
    Thread.pass until turns.positive?
    before = turns
    began = now
    yield
    [turns - before, now - began]
  ensure
    other.kill.join
  end

  def assert_others_run(shortest, &)
    turns, seconds = meanwhile(&)
    assert_operator seconds, :>=, shortest, 'it did not wait'
    assert_operator turns, :>=, seconds * 1000 / 20, "only #{turns} turns in #{seconds} s"
  end

  def test_block_until_ready
    factory = SplitIoClient::SplitFactory.new('key', NOWHERE)
    assert_others_run(0.5) do
      assert_raises(SplitIoClient::SDKBlockerTimeoutExpiredException) { factory.block_until_ready(0.6) }
    end
  ensure
    factory.destroy
  end

  def test_flush_and_destroy
    Backend.running do |backend|
      backend.put(Backend.flag('checkout'))
      factory = standalone(backend)
      backend.post('faults', endpoint: 'testImpressions/bulk', delay_ms: 700, times: 2)
      factory.client.get_treatment('a', 'checkout')
      assert_others_run(0.6) { assert factory.flush }
      factory.client.get_treatment('b', 'checkout')
      assert_others_run(0.6) { factory.destroy }
      assert_equal({ 'a' => 1, 'b' => 1 }, backend.impression_keys)
    end
  end

  def test_making_a_factory_that_fetches
    Backend.running do |backend|
      backend.put(Backend.flag('checkout'))
      backend.post('faults', endpoint: 'splitChanges', delay_ms: 700, times: 1)
      factory = nil
      assert_others_run(0.6) do
        factory = SplitIoClient::SplitFactory.new('key', backend.options(preforked_initialization: true))
      end
      assert_equal 'on', factory.client.get_treatment('a', 'checkout')
      factory.destroy
    end
  end

  def test_timeout_interrupts
    factory = SplitIoClient::SplitFactory.new('key', NOWHERE)
    began = now
    assert_raises(Timeout::Error) { Timeout.timeout(0.5) { factory.block_until_ready(60) } }
    assert_operator now - began, :<, 1.5
    factory.destroy
  end

  # B07: each call that waits.
  CALLS = {
    'block_until_ready for ever' => 'factory.block_until_ready',
    'block_until_ready' => 'factory.block_until_ready(60)',
    'flush' => 'factory.flush(60)',
    'destroy' => 'factory.destroy',
    'stop!' => 'factory.stop!',
    'a factory that fetches' => "SplitIoClient::SplitFactory.new('key', preforked_initialization: true, **options)"
  }.freeze
  INTERRUPTED = <<~'RUBY'
    require 'splitclient-rb'
    api = "#{ARGV[0]}/api"
    options = { base_uri: api, events_uri: api, auth_service_url: api, telemetry_service_url: api,
                streaming_enabled: false, logger: Logger.new(IO::NULL) }
    factory = SplitIoClient::SplitFactory.new('key', options)
    factory.client.track('ann', 'user', 'paid')
    $stdout.sync = true
    begin
      puts 'waiting'
      eval(ARGV[1])
      puts 'it was not interrupted'
    rescue Interrupt
      puts 'interrupted'
      # The end of the program sends what it can; to see that once is enough.
      exit!(true) unless ARGV[1].start_with?('factory.flush')
    end
  RUBY

  def test_b07_ctrl_c_is_answered_within_half_a_second
    Backend.running do |backend|
      backend.post('faults', hang: true)
      CALLS.each do |what, call|
        command = [RbConfig.ruby, '-I', LIB, '-e', INTERRUPTED, backend.url, call]
        Open3.popen2e(*command) do |_, output, process|
          assert_equal "waiting\n", output.gets, what
          sleep 0.3
          began = now
          Process.kill(:INT, process.pid)
          assert_equal "interrupted\n", (Timeout.timeout(5) { output.gets }), what
          assert_operator now - began, :<, 0.5, what
          assert_predicate((Timeout.timeout(20) { process.value }), :success?, what)
        end
      end
    end
  end
end
