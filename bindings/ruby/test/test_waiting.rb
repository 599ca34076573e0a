# frozen_string_literal: true

require_relative 'helper'

# Nothing that waits stands in the way: of other threads (B36), of Ctrl-C, of Timeout.
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

  def test_ctrl_c
    program = <<~'RUBY'
      require 'splitclient-rb'
      api = 'http://127.0.0.1:1/api'
      factory = SplitIoClient::SplitFactory.new('key', base_uri: api, events_uri: api, auth_service_url: api,
                                                       telemetry_service_url: api, logger: Logger.new(IO::NULL))
      factory.client.track('ann', 'user', 'paid')
      $stdout.sync = true
      begin
        puts 'waiting'
        factory.public_send(ARGV[0], 60)
      rescue Interrupt
        puts 'interrupted'
      end
    RUBY
    %w[block_until_ready flush].each do |call|
      Open3.popen2e(RbConfig.ruby, '-I', LIB, '-e', program, call) do |_, output, process|
        assert_equal "waiting\n", output.gets
        sleep 0.3
        began = now
        Process.kill(:INT, process.pid)
        assert_equal "interrupted\n", (Timeout.timeout(5) { output.gets })
        assert_operator now - began, :<, 1
        assert_predicate(Timeout.timeout(20) { process.value }, :success?)
      end
    end
  end
end
