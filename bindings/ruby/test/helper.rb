# frozen_string_literal: true

require 'fileutils'
require 'logger'
require 'minitest'
require 'open3'
require 'rbconfig'
require 'splitclient-rb'
require 'socket'
require 'stringio'
require 'timeout'
require 'tempfile'
require 'tmpdir'
require_relative 'support/backend'

# What most tests need.
module Helper
  ROOT = File.expand_path('../../..', __dir__)
  DATA = File.join(ROOT, 'tests/c/data')
  LIB = File.expand_path('../lib', __dir__)
  SECRETS = File.readlines(File.join(ROOT, 'tests/secrets.txt'), chomp: true).freeze

  # Where lines go that nobody reads. One with a secret of the tests ends them: an exception would be logged, too.
  class Watch
    def write(line)
      secret = SECRETS.find { |one| line.include?(one) }
      return unless secret

      warn "#{secret} is in the log: #{line}"
      Process.exit!(70)
    end

    def close; end
  end

  SILENT = Logger.new(Watch.new)

  # Collects impressions.
  class Listener
    attr_reader :seen

    def initialize
      @seen = Queue.new
    end

    def log(impression)
      @seen << impression
    end

    def take(count, seconds = 10)
      Timeout.timeout(seconds) { Array.new(count) { @seen.pop } }
    end
  end

  # A factory of the flags in tests/c/data, ready.
  def localhost(**options)
    factory = SplitIoClient::SplitFactory.new(
      'localhost', { split_file: File.join(DATA, 'flags.json'), segment_directory: File.join(DATA, 'segments'),
                     logger: SILENT, ip_addresses_enabled: false, **options }
    )
    factory.client.block_until_ready(10)
    (@factories ||= []) << factory
    factory
  end

  # A factory that uses an emulator, ready.
  def standalone(backend, **options)
    factory = SplitIoClient::SplitFactory.new('a-key-of-ruby', backend.options(**options))
    factory.client.block_until_ready(10)
    (@factories ||= []) << factory
    factory
  end

  def teardown
    @factories&.each(&:destroy)
    super
  end

  # Waits until a block gives something true.
  def eventually(seconds = 15)
    deadline = now + seconds
    loop do
      result = yield
      return result if result
      return flunk("not within #{seconds} s") if now > deadline

      sleep 0.02
    end
  end

  def now
    Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end

  # What a block tells from a forked child, which ends as children do.
  def in_child
    reader, writer = IO.pipe
    pid = fork do
      reader.close
      told = yield
      writer.write(Marshal.dump(told))
      writer.close
    end
    writer.close
    told = Timeout.timeout(30) { reader.read }
    _, status = Timeout.timeout(30) { Process.wait2(pid) }
    assert status.success?, status.inspect
    Marshal.load(told) # rubocop:disable Security/MarshalLoad -- written by the test itself
  end

  # Runs a program with this gem; gives its output and status.
  def run_ruby(program, *arguments, env: {}, timeout: 60)
    command = [RbConfig.ruby, '-W1', '-I', LIB, '-e', program, *arguments]
    output, status = Timeout.timeout(timeout) { Open3.capture2e(env, *command) }
    assert_empty(SECRETS.select { |secret| output.include?(secret) })
    [output, status]
  end
end

# A test of this suite.
class Case < Minitest::Test
  include Helper
end
