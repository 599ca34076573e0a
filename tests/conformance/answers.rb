# frozen_string_literal: true

# Answers the questions of conform.py, in Ruby. Labels and change numbers are what a listener hears.

require 'erb'
require 'json'
require 'logger'
require 'splitclient-rb'
require 'uri'

# Keeps what it hears.
class Listener
  attr_reader :heard

  def initialize
    @heard = []
  end

  def log(impression)
    @heard << impression
  end
end

def encoded(value)
  return '-' if value.nil?

  value == '-' ? '%2D' : ERB::Util.url_encode(value.to_s)
end

def decoded(field)
  field == '-' ? nil : URI::DEFAULT_PARSER.unescape(field).force_encoding(Encoding::UTF_8)
end

# One factory, and the answers that still lack what its listener hears.
class Session
  def initialize(url, fallback)
    @listener = Listener.new
    @answers = []
    options = { base_uri: "#{url}/api", events_uri: "#{url}/api", auth_service_url: "#{url}/api",
                telemetry_service_url: "#{url}/api/v1", streaming_enabled: false, impression_listener: @listener,
                # Flags that do not exist are asked for on purpose.
                logger: Logger.new(nil) }
    options[:fallback_treatments] = JSON.parse(fallback) if fallback
    @client = SplitIoClient::SplitFactory.new('a-key-of-ruby', options).client
    @client.block_until_ready(20)
  end

  def ask(number, flag, key, bucketing_key, attributes)
    who = bucketing_key ? { matching_key: key, bucketing_key: } : key
    answer = @client.get_treatment_with_config(who, flag, attributes && JSON.parse(attributes))
    @answers << [number, flag, key, answer[:treatment], answer[:config]]
  end

  def end
    @client.destroy
    @answers.each do |number, flag, key, treatment, config|
      said = impression_of(flag, key) || {}
      puts [number, *[treatment, config, said[:label], said[:change_number]].map { |value| encoded(value) }].join("\t")
    end
    abort "an impression of nothing that was asked: #{@listener.heard.first}" unless @listener.heard.empty?
  end

  private

  # In the order of the calls; some calls leave no impression.
  def impression_of(flag, key)
    next_one = @listener.heard.first or return
    return unless next_one.values_at(:split_name, :matching_key) == [flag, key]

    @listener.heard.shift[:treatment]
  end
end

session = nil
File.foreach(ARGV[0], chomp: true) do |line|
  what, *fields = line.split("\t")
  if what == 'factory'
    session&.end
    session = Session.new(fields[0], decoded(fields[1]))
  else
    session.ask(fields[0], *fields[1..].map { |field| decoded(field) })
  end
end
session.end
