# frozen_string_literal: true

require_relative 'helper'

class TestFactory < Case
  Expired = SplitIoClient::SDKBlockerTimeoutExpiredException

  def log
    @log ||= StringIO.new
  end

  def test_the_builder
    factory = SplitIoClient::SplitFactoryBuilder.build(
      'localhost', split_file: File.join(DATA, 'flags.json'), segment_directory: File.join(DATA, 'segments'),
                   logger: SILENT
    )
    factory.client.block_until_ready(5)
    assert_predicate factory.client, :ready?
    assert_same factory.client, factory.client
    factory.destroy
    refute_predicate factory.client, :ready?
  end

  def test_split_and_yaml_files
    Dir.mktmpdir do |directory|
      { 'flags.yaml' => "- checkout:\n    treatment: 'on'\n    config: '{}'\n", 'flags.split' => "checkout on\n" }
        .each do |name, text|
        File.write(File.join(directory, name), text)
        client = localhost(split_file: File.join(directory, name)).client
        assert_equal 'on', client.get_treatment('anybody', 'checkout'), name
      end
    end
  end

  # As in Split's SDK for Python; absent, they mean everybody.
  def test_yaml_with_keys_that_are_empty
    Dir.mktmpdir do |directory|
      file = File.join(directory, 'flags.yaml')
      ['', '[]', '~'].each do |keys|
        File.write(file, "- checkout:\n    treatment: 'on'\n    keys: #{keys}\n")
        assert_equal 'control', localhost(split_file: file).client.get_treatment('ann', 'checkout'), keys
      end
    end
  end

  def test_what_programs_of_the_gem_rescue
    [SplitIoClient::SDKShutdownException, SplitIoClient::SDKBlockerTimeoutExpiredException].each do |error|
      assert_operator error, :<, SplitIoClient::SplitIoError
    end
  end

  def test_a_file_that_is_not_there
    error = assert_raises(SplitIoClient::SplitIoError) { localhost(split_file: '/nonexistent/flags.yaml') }
    assert_match(/flags.yaml/, error.message)
  end

  def test_keys_that_cannot_be
    [nil, '', 7, "a\nb"].each do |key|
      factory = SplitIoClient::SplitFactory.new(key, logger: Logger.new(log))
      assert_equal 'control', factory.client.get_treatment('ann', 'checkout')
      assert_equal({ checkout: 'control' }, factory.client.get_treatments('ann', ['checkout']))
      refute factory.client.track('ann', 'user', 'paid')
      assert_equal [], factory.manager.split_names
      assert_raises(Expired) { factory.block_until_ready(0.2) }
      factory.resume!
      factory.destroy
      assert_match(/factory instantiation: /, log.string)
    end
  end

  def test_options_that_cannot_be
    assert_raises(ArgumentError) { localhost(http_authenticate_scheme: 'KERBEROS_SPNEGO') }
    # As users of Split's gem expect, what is unknown, or of another type, does no harm.
    factory = localhost(no_such_option: Object.new, features_refresh_rate: 'soon', cache_ttl: 5)
    assert_equal 'on', factory.client.get_treatment('ann', 'checkout')
  end

  def test_not_ready_in_time
    factory = SplitIoClient::SplitFactory.new('key', base_uri: 'http://127.0.0.1:1/api', logger: SILENT, ready: 0.3)
    began = now
    error = assert_raises(Expired) { factory.client.block_until_ready }
    assert_in_delta 0.3, now - began, 0.3
    assert_match(/expired/, error.message)
    assert_raises(Expired) { factory.manager.block_until_ready(0) }
    factory.destroy
    assert_match(/destroyed/, assert_raises(Expired) { factory.client.block_until_ready(5) }.message)
  end

  def test_b08_after_destroy
    factory = localhost
    2.times { factory.client.destroy }
    assert_equal 'control', factory.client.get_treatment('ann', 'checkout')
    assert_equal({ treatment: 'control', config: nil }, factory.client.get_treatment_with_config('ann', 'checkout'))
    assert_equal({ checkout: 'control' }, factory.client.get_treatments('ann', ['checkout']))
    assert_equal({ banner: 'control', checkout: 'control' }, factory.client.get_treatments_by_flag_set('ann', 'web'))
    refute factory.client.track('ann', 'user', 'paid')
    assert_equal [], factory.manager.splits
    assert_equal [], factory.manager.split_names
    assert_nil factory.manager.split('checkout')
    refute factory.flush(1)
    factory.resume!
    factory.stop!
    factory.destroy
  end

  def test_the_log_goes_to_the_logger
    factory = localhost(logger: Logger.new(log))
    factory.client.get_treatment(nil, 'checkout')
    factory.destroy
    assert_match(/ERROR.*input: get_treatment: key is null/, log.string)
    refute_match(/DEBUG/, log.string)
  end

  def test_a_secret_in_a_line_that_nobody_reads_ends_the_tests
    { 'nothing' => 0, SECRETS.first => 70 }.each do |text, expected|
      child = fork do
        $stderr.reopen(IO::NULL)
        SILENT.debug("about #{text}")
        Process.exit!(0)
      end
      assert_equal expected, Process.wait2(child).last.exitstatus, text
    end
  end

  def test_debug_lines
    localhost(logger: Logger.new(log), debug_enabled: true).destroy
    assert_match(/DEBUG/, log.string)
  end

  def test_a_logger_that_fails
    broken = Object.new
    def broken.respond_to_missing?(*) = true
    def broken.method_missing(*) = raise('no log today')
    factory = nil
    _, told = capture_io do
      factory = localhost(logger: broken)
      factory.client.get_treatment(nil, 'checkout')
      factory.destroy
    end
    assert_match(/the logger failed: no log today/, told)
  end

  def test_the_manager
    manager = localhost.manager
    assert_equal({ name: 'checkout', traffic_type_name: 'user', killed: false, treatments: %w[on off],
                   change_number: 11, configs: { on: '{"color":"red"}' }, sets: %w[shop web],
                   default_treatment: 'off', impressions_disabled: false, prerequisites: [] },
                 manager.split('checkout'))
    assert_equal manager.split('checkout'), manager.split(:checkout)
    assert_equal manager.split_names, (manager.splits.map { |flag| flag[:name] })
    assert_includes manager.split_names, 'banner'
    [nil, '', 'nope', 7, "a\0"].each { |name| assert_nil manager.split(name), name.inspect }
  end

  def test_tracking
    client = localhost.client
    assert client.track('ann', 'user', 'paid')
    assert client.track(7, 'user', 'paid', 2, { a: 1 })
    assert client.track('ann', 'User', 'paid', 2.5)
    [[nil, 'user', 'paid'], ['', 'user', 'paid'], ['ann', nil, 'paid'], ['ann', 'user', ''], ['ann', 'user', 'a b'],
     %w[ann user paid much], ['ann', 'user', 'paid', Float::INFINITY], ['ann', 'user', 'paid', Complex(1, 1)],
     ['ann', 'user', 'paid', 1, 'properties'], ["a\0", 'user', 'paid']].each do |arguments|
      refute client.track(*arguments), arguments.inspect
    end
  end

  def test_a_listener
    listener = Helper::Listener.new
    client = localhost(impression_listener: listener).client
    client.get_treatment({ matching_key: 'ann', bucketing_key: 'b' }, 'checkout', { a: 1 })
    seen = listener.take(1).first
    assert_in_delta Time.now.to_f * 1000, seen.delete(:time), 60_000
    assert_equal({ split_name: 'checkout', matching_key: 'ann', bucketing_key: 'b', previous_time: nil,
                   treatment: { label: 'whitelisted', treatment: 'on', change_number: 11 },
                   attributes: { a: 1 }, properties: nil }, seen)
  end

  def test_a_listener_that_fails_and_evaluates
    told = Queue.new
    listener = Object.new
    client = nil
    listener.define_singleton_method(:log) do |impression|
      next if impression[:split_name] == 'banner'

      told << client.get_treatment('ann', 'banner')
      raise 'no listener today'
    end
    client = localhost(impression_listener: listener, logger: Logger.new(log)).client
    2.times { client.get_treatment('ann', 'checkout') }
    assert_equal(%w[red red], Timeout.timeout(5) { [told.pop, told.pop] })
    client.destroy
    assert_match(/ERROR.*impression listener failed.*no listener today/, log.string)
  end

  def test_a_listener_without_end
    told = Queue.new
    listener = Object.new
    listener.define_singleton_method(:log) { |one| one[:matching_key] == 'ann' ? log(one) : told << one }
    client = localhost(impression_listener: listener, logger: Logger.new(log)).client
    %w[ann bob].each { |key| client.get_treatment(key, 'checkout') }
    assert_equal('bob', Timeout.timeout(5) { told.pop[:matching_key] })
    assert_match(/ERROR.*impression listener failed/, log.string)
  end

  # Everything that was recorded is handed over before `destroy` is back.
  def test_a_listener_gets_all_before_the_end
    listener = Helper::Listener.new
    client = localhost(impression_listener: listener).client
    5000.times { |number| client.get_treatment("key-#{number}", 'checkout') }
    client.destroy
    assert_equal 5000, listener.seen.size
  end

  def test_a_listener_may_destroy
    client = nil
    listener = Object.new
    ended = Queue.new
    listener.define_singleton_method(:log) { |_| ended << client.destroy }
    client = localhost(impression_listener: listener).client
    client.get_treatment('ann', 'checkout')
    assert_nil(Timeout.timeout(15) { ended.pop })
    assert_equal 'control', client.get_treatment('ann', 'checkout')
  end

  def test_events
    before = Thread.list
    told = Queue.new
    client = localhost.client
    client.register(SplitIoClient::Engine::Models::SdkEvent::SDK_READY, ->(metadata) { told << [:ready, metadata] })
    client.register(SplitIoClient::Engine::Models::SdkEvent::SDK_READY, ->(_) { told << :second })
    assert_equal([:ready, nil], Timeout.timeout(5) { told.pop })
    client.destroy
    # Then nobody is left who might still call a handler.
    (Thread.list - before).each(&:join)
    assert_empty told
  end
end
