# frozen_string_literal: true

require_relative 'helper'

# Children of a process that has a factory: forked by Ruby, and by C (`Process.daemon`).
class TestFork < Case
  def setup
    @backend = Backend.new
    @backend.put(Backend.flag('checkout'))
  end

  def teardown
    super
    @backend.stop
  end

  def test_children_evaluate_and_send_once
    client = standalone(@backend).client
    client.get_treatment('parent', 'checkout')
    4.times do |number|
      told = in_child do
        [client.get_treatment("child-#{number}", 'checkout'), client.track("child-#{number}", 'user', 'e')]
      end
      assert_equal ['on', true], told
    end
    client.destroy
    assert_equal({ 'parent' => 1, **4.times.to_h { |number| ["child-#{number}", 1] } }, @backend.impression_keys)
    assert_equal(4, @backend.events.map { |event| event[:key] }.uniq.size)
    assert_equal 4, @backend.events.size
  end

  def test_a_child_has_its_listener_and_its_changes
    listener = Helper::Listener.new
    client = standalone(@backend, impression_listener: listener, streaming_enabled: false).client
    reader, writer = IO.pipe
    pid = fork do
      writer.puts client.get_treatment('child', 'checkout')
      writer.puts listener.take(1).first[:matching_key]
      writer.puts(eventually { client.get_treatment('child', 'checkout') == 'changed' && 'changed' })
    end
    writer.close
    assert_equal %W[on\n child\n], [reader.gets, reader.gets]
    @backend.put(Backend.flag('checkout', 'changed'))
    assert_equal "changed\n", (Timeout.timeout(20) { reader.gets })
    Process.wait(pid)
    assert_equal 'changed', eventually {
                              client.get_treatment('parent', 'checkout').then do |it|
                                it == 'changed' && it
                              end
                            }
  end

  # B02: the ends of a child that has not used what it inherited.
  ENDS = ['', 'exit', 'exit!(true)', 'at_exit { $factory.destroy }', '$factory = nil; GC.start'].freeze
  CHILDLESS = <<~'RUBY'
    require 'splitclient-rb'
    api = "#{ARGV[0]}/api"
    $factory = SplitIoClient::SplitFactory.new('key', base_uri: api, events_uri: api, auth_service_url: api,
      telemetry_service_url: api, streaming_enabled: false, impressions_mode: :debug, logger: Logger.new(IO::NULL))
    $factory.client.block_until_ready(10)
    $factory.client.get_treatment('parent', 'checkout')
    began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    _, status = Process.wait2(fork { eval(ARGV[1]) })
    puts status.exitstatus, Process.clock_gettime(Process::CLOCK_MONOTONIC) - began
  RUBY

  def test_b02_an_unused_factory_is_left_alone
    ENDS.each do |way|
      @backend.call(:Delete, 'requests')
      output, status = run_ruby(CHILDLESS, @backend.url, way)
      assert_predicate status, :success?, output
      code, seconds = output.lines
      assert_equal '0', code.chomp, way
      assert_operator Float(seconds), :<, 2, way
      assert_equal({ 'parent' => 1 }, @backend.impression_keys, way)
    end
  end

  def test_grandchildren_and_threads
    client = standalone(@backend).client
    busy = Thread.new { loop { client.get_treatment('busy', 'checkout') } }
    told = in_child { [client.get_treatment('a', 'checkout'), in_child { client.get_treatment('b', 'checkout') }] }
    assert_equal %w[on on], told
    busy.kill.join
    client.destroy
    assert_equal({ 'a' => 1, 'b' => 1 }, @backend.impression_keys.slice('a', 'b'))
  end

  # Many threads of a child may be the first to use the factory.
  def test_one_thread_delivers_in_a_child
    client = standalone(@backend).client
    count = in_child do
      Array.new(10) { Thread.new { client.get_treatment('t', 'checkout') } }.each(&:join)
      Thread.list.count { |thread| thread.name == 'splitio-delivery' }
    end
    assert_equal 1, count
  end

  def test_resume_on_fork_off
    factory = standalone(@backend, resume_on_fork: false)
    told = in_child do
      before = factory.client.track('child', 'user', 'before')
      factory.resume!
      [before, factory.client.get_treatment('child', 'checkout'), factory.client.track('child', 'user', 'after')]
    end
    assert_equal [false, 'on', true], told
    assert_equal({ 'child' => 1 }, @backend.impression_keys)
  end

  def test_preforked_initialization
    factory = SplitIoClient::SplitFactory.new('key', @backend.options(preforked_initialization: true))
    assert_equal 'on', factory.client.get_treatment('parent', 'checkout')
    told = in_child do
      # Another name of `resume!`, as in Split's gem.
      factory.start!
      factory.client.block_until_ready(5)
      factory.client.get_treatment('child', 'checkout')
    end
    assert_equal 'on', told
    assert_equal({ 'child' => 1 }, @backend.impression_keys)
    factory.destroy
  end

  # B04: forked by C, where no hook of Ruby's runs. The process that becomes a daemon ends: what it had queued is sent,
  # and so is what the daemon records.
  def test_daemon
    program = <<~'RUBY'
      require 'splitclient-rb'
      api = "#{ARGV[0]}/api"
      factory = SplitIoClient::SplitFactory.new('key', base_uri: api, events_uri: api, auth_service_url: api,
        telemetry_service_url: api, streaming_enabled: false, impressions_mode: :debug, logger: Logger.new(IO::NULL))
      factory.client.block_until_ready(10)
      factory.client.get_treatment('before', 'checkout')
      Process.daemon(true)
      factory.client.get_treatment('daemon', 'checkout')
    RUBY
    output, status = run_ruby(program, @backend.url)
    assert_predicate status, :success?, output
    assert_equal({ 'before' => 1, 'daemon' => 1 },
                 eventually { @backend.impression_keys.then { |keys| keys.size == 2 && keys } })
  end

  # What runs in an `at_exit` that was there before ours still has its factory, and its children end as others do.
  def test_programs_in_at_exit
    program = <<~'RUBY'
      at_exit do
        puts $client.get_treatment('last', 'checkout')
        $stdout.flush
        Process.wait(fork { $client.get_treatment('child', 'checkout') })
      end
      require 'splitclient-rb'
      api = "#{ARGV[0]}/api"
      listener = Class.new { def log(impression) = puts(impression[:matching_key]) }.new
      factory = SplitIoClient::SplitFactory.new('key', base_uri: api, events_uri: api, auth_service_url: api,
        telemetry_service_url: api, streaming_enabled: false, impressions_mode: :debug, logger: Logger.new(IO::NULL),
        impression_listener: listener)
      factory.client.block_until_ready(10)
      $client = factory.client
    RUBY
    output, status = run_ruby(program, @backend.url)
    assert_predicate status, :success?, output
    assert_equal %w[child last on], output.lines.map(&:chomp).sort
    assert_equal({ 'last' => 1, 'child' => 1 }, @backend.impression_keys)
  end

  def test_a_listener_gets_all_at_the_end_of_a_program
    program = <<~'RUBY'
      require 'splitclient-rb'
      listener = Class.new { def log(impression) = puts(impression[:matching_key]) }.new
      factory = SplitIoClient::SplitFactory.new('localhost', split_file: ARGV[0], impression_listener: listener,
                                                             logger: Logger.new(IO::NULL))
      factory.client.block_until_ready(10)
      3000.times { |number| factory.client.get_treatment("key-#{number}", 'checkout') }
    RUBY
    output, status = run_ruby(program, File.join(DATA, 'flags.json'))
    assert_predicate status, :success?, output
    assert_equal 3000, output.lines.uniq.size
    assert_equal 'key-2999', output.lines.last.chomp
  end

  def test_the_end_of_a_program_sends
    program = <<~'RUBY'
      require 'splitclient-rb'
      api = "#{ARGV[0]}/api"
      factory = SplitIoClient::SplitFactory.new('key', base_uri: api, events_uri: api, auth_service_url: api,
        telemetry_service_url: api, streaming_enabled: false, impressions_mode: :debug, logger: Logger.new(IO::NULL))
      factory.client.block_until_ready(10)
      factory.client.get_treatment('last', 'checkout')
      factory.client.track('last', 'user', 'e')
      raise 'the end' if ARGV[1]
    RUBY
    assert_predicate run_ruby(program, @backend.url).last, :success?
    refute_predicate run_ruby(program, @backend.url, 'raise').last, :success?
    assert_equal({ 'last' => 2 }, @backend.impression_keys)
    assert_equal 2, @backend.events.size
  end
end
