# frozen_string_literal: true

require_relative 'helper'

# A slice of what the library does on the wire, seen from Ruby.
class TestProtocol < Case
  def setup
    @backend = Backend.new('--streaming', '--payload', 'gzip')
    @backend.put(Backend.flag('checkout'))
  end

  def teardown
    super
    @backend.stop
  end

  def header(request, name)
    request[:headers].find { |pair| pair[0].casecmp?(name) }&.last
  end

  # Who does not tell its machine sends neither header: "NA" is for Redis and listeners.
  def assert_nil_machine(request)
    refute_nil request
    %w[SplitSDKMachineName SplitSDKMachineIP].each { |name| assert_nil header(request, name), name }
  end

  def test_who_asks
    standalone(@backend)
    request = @backend.requests('splitChanges').first
    assert_equal "ruby-#{SplitIoClient::VERSION}", header(request, 'SplitSDKVersion')
    assert_equal 'Bearer a-key-of-ruby', header(request, 'Authorization')
  end

  def test_polling
    client = standalone(@backend).client
    assert_equal 'on', client.get_treatment('ann', 'checkout')
    @backend.put(Backend.flag('checkout', 'changed'))
    assert eventually { client.get_treatment('ann', 'checkout') == 'changed' }
    @backend.post('flags/archive', name: 'checkout')
    assert eventually { client.get_treatment('ann', 'checkout') == 'control' }
  end

  # A change, a kill, and an update of a segment come by the stream; polling would take an hour.
  def test_streaming
    updates = Queue.new
    factory = standalone(@backend, streaming_enabled: true, features_refresh_rate: 3600)
    client = factory.client
    client.register('SDK_UPDATE', ->(metadata) { updates << [metadata.type, metadata.names] })
    eventually { @backend.call(:Get, 'streams').any? }
    # What comes between the first definitions and the stream is fetched when it opens.
    @backend.put(Backend.flag('checkout', 'streamed'))
    assert eventually { client.get_treatment('ann', 'checkout') == 'streamed' }
    assert_equal(['FLAG_UPDATE', ['checkout']], Timeout.timeout(5) { updates.pop })
    @backend.post('flags/kill', name: 'checkout', treatment: 'killed')
    assert eventually { client.get_treatment('ann', 'checkout') == 'killed' }
  end

  def test_segments
    condition = { keySelector: nil, matcherType: 'IN_SEGMENT', negate: false,
                  userDefinedSegmentMatcherData: { segmentName: 'staff' } }
    flag = Backend.flag('tools')
    flag[:conditions][0][:matcherGroup][:matchers] = [condition]
    @backend.post('segments', name: 'staff', keys: %w[ann])
    @backend.put(flag)
    client = standalone(@backend).client
    assert_equal %w[on off], [client.get_treatment('ann', 'tools'), client.get_treatment('bob', 'tools')]
    @backend.post('segments/update', name: 'staff', added: %w[bob], removed: %w[ann])
    assert eventually { client.get_treatment('bob', 'tools') == 'on' && client.get_treatment('ann', 'tools') == 'off' }
  end

  def test_impressions_and_events
    client = standalone(@backend).client
    client.get_treatment({ matching_key: 'ann', bucketing_key: 'b' }, 'checkout')
    client.track('ann', 'user', 'paid', 7.5, { plan: 'pro', new: true })
    client.destroy
    flag, impression = @backend.impressions.first
    assert_equal %w[checkout ann b on everyone], [flag, *impression.values_at(:k, :b, :t, :r)]
    event = @backend.events.first
    assert_equal ['ann', 'user', 'paid', 7.5, { plan: 'pro', new: true }],
                 event.values_at(:key, :trafficTypeName, :eventTypeId, :value, :properties)
  end

  def test_modes_of_impressions
    { optimized: 1, debug: 3, none: 0 }.each do |mode, count|
      @backend.reset
      @backend.put(Backend.flag('checkout'))
      client = standalone(@backend, impressions_mode: mode, impressions_refresh_rate: 60).client
      3.times { client.get_treatment('ann', 'checkout') }
      client.destroy
      assert_equal count, @backend.impressions.size, mode
    end
  end

  def test_labels_off
    client = standalone(@backend, labels_enabled: false).client
    client.get_treatment('ann', 'checkout')
    client.destroy
    assert_nil @backend.impressions.first.last[:r]
  end

  def test_flag_sets_filter
    @backend.put(Backend.flag('web_flag', 'on', sets: ['web']), Backend.flag('other', 'on', sets: ['other']))
    client = standalone(@backend, flag_sets_filter: %w[web]).client
    assert_equal({ web_flag: 'on' }, client.get_treatments_by_flag_sets('ann', %w[web other]))
    assert_match(/sets=web/, @backend.requests('splitChanges').first[:query])
  end

  def test_a_lost_answer_and_a_refused_post
    @backend.post('faults', endpoint: 'events/bulk', status: 503, times: 1)
    client = standalone(@backend).client
    client.track('ann', 'user', 'paid')
    client.destroy
    assert_equal 1, @backend.events.size
  end

  def test_a_refused_key
    @backend.post('options', keys: ['another-key'])
    factory = SplitIoClient::SplitFactory.new('a-key-of-ruby', @backend.options)
    error = assert_raises(SplitIoClient::SDKBlockerTimeoutExpiredException) { factory.block_until_ready(1) }
    assert_match(/does not accept the SDK key/, error.message)
    refute_match(/a-key-of-ruby/, error.message)
    factory.destroy
  end

  # Options of Split's gem by their names and in their units.
  def test_options_of_the_gem
    log = StringIO.new
    factory = standalone(@backend, connection_timeout: 2, read_timeout: 5, telemetry_refresh_rate: 60,
                                   impressions_queue_size: 10, impressions_bulk_size: 5, events_queue_size: 10,
                                   ip_addresses_enabled: false, machine_name: 'm', machine_ip: '1.2.3.4',
                                   cache_adapter: :memory, mode: :standalone, redis_url: 'redis://nowhere',
                                   redis_namespace: 'x', logger: Logger.new(log))
    assert_equal 'on', factory.client.get_treatment('ann', 'checkout')
    factory.destroy
    refute_match(/WARN|ERROR/, log.string)
    assert_nil_machine @backend.requests('testImpressions/bulk').first
  end
end
