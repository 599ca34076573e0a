# frozen_string_literal: true

require 'json'
require 'net/http'

# An emulator of Split's back end, on a free port.
class Backend
  # What a test waits for comes at once.
  QUICK = { features_refresh_rate: 1, segments_refresh_rate: 1, impressions_mode: :debug, impressions_refresh_rate: 1,
            events_push_rate: 1, streaming_enabled: false, debug_enabled: true }.freeze

  attr_reader :url

  def self.running(*arguments)
    backend = new(*arguments)
    yield backend
  ensure
    backend&.stop
  end

  def initialize(*arguments)
    @output = IO.popen([ENV.fetch('SPLITIO_EMULATOR'), '--port', '0', *arguments])
    @url = @output.gets.split.last
  end

  def stop
    Process.kill(:TERM, @output.pid)
    @output.close
  end

  # The options of a factory that uses it.
  def options(**others)
    api = "#{@url}/api"
    { base_uri: api, events_uri: api, auth_service_url: api, telemetry_service_url: api, streaming_service_url: @url,
      logger: Helper::SILENT, ip_addresses_enabled: false, **QUICK, **others }
  end

  def call(method, path, body = nil)
    uri = URI("#{@url}/control/#{path}")
    request = Net::HTTP.const_get(method).new(uri)
    request.body = JSON.generate(body) if body
    answer = Net::HTTP.start(uri.host, uri.port, read_timeout: 30) { |http| http.request(request) }
    raise "#{path}: #{answer.body}" unless answer.is_a?(Net::HTTPSuccess)

    JSON.parse(answer.body, symbolize_names: true)
  end

  def post(path, **body)
    call(:Post, path, body)
  end

  def reset(**options)
    post('reset')
    post('options', **options) unless options.empty?
  end

  def put(*flags)
    flags.each { |flag| post('flags', flag:) }
  end

  # Those that it acted on, and said so.
  def requests(endpoint)
    call(:Get, "requests?endpoint=#{endpoint}").select { |one| one[:processed] && one[:status] == 200 }
  end

  # All that were posted, as [flag, impression].
  def impressions
    requests('testImpressions/bulk').flat_map do |post|
      post[:body].flat_map { |test| test[:i].map { |impression| [test[:f], impression] } }
    end
  end

  # How often an impression of each key arrived.
  def impression_keys
    impressions.map { |_, impression| impression[:k] }.tally
  end

  def events
    requests('events/bulk').flat_map { |post| post[:body] }
  end

  # A flag that gives everybody the same.
  def self.flag(name, treatment = 'on', **members)
    { name:, trafficTypeName: 'user', status: 'ACTIVE', killed: false, defaultTreatment: 'off', seed: 1, algo: 2,
      trafficAllocation: 100, trafficAllocationSeed: 1, sets: [], configurations: {},
      conditions: [{ conditionType: 'ROLLOUT', label: 'everyone',
                     matcherGroup: { combiner: 'AND', matchers: [{ keySelector: nil, matcherType: 'ALL_KEYS',
                                                                   negate: false }] },
                     partitions: [{ treatment:, size: 100 }] }], **members }
  end
end
