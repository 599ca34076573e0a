# frozen_string_literal: true

require_relative 'helper'

class TestExamples < Case
  EXAMPLES = File.expand_path('../examples', __dir__)

  def test_the_script
    output, status = Open3.capture2e(RbConfig.ruby, '-I', LIB, File.join(EXAMPLES, 'script.rb'), 'ann', 'bob')
    assert_predicate status, :success?, output
    assert_equal "ann: on {\"color\": \"green\"}\nbob: off\n", output.lines.grep_v(/INFO/).join
  end

  def test_the_sinatra_app
    port = TCPServer.open('127.0.0.1', 0) { |server| server.addr[1] }
    command = [RbConfig.ruby, '-I', LIB, File.join(EXAMPLES, 'sinatra_app.rb'), '-p', port.to_s, '-e', 'production']
    Open3.popen2e(*command) do |_, output, process|
      reading = Thread.new { output.read }
      ask_checkout("http://127.0.0.1:#{port}")
      Process.kill(:INT, process.pid)
      assert(Timeout.timeout(20) { process.value })
      refute_match(/BUG|Error/, reading.value)
    ensure
      Process.kill(:KILL, process.pid) if process.alive?
    end
  end

  def ask_checkout(url)
    answer = eventually(30) { get("#{url}/checkout/ann") }
    assert_equal({ 'checkout' => 'new', 'config' => '{"color": "green"}' }, JSON.parse(answer))
    assert_equal 'old', JSON.parse(get("#{url}/checkout/bob"))['checkout']
    assert_equal '204', Net::HTTP.post(URI("#{url}/paid/ann"), 'amount=7').code
  end

  def get(url)
    Net::HTTP.get(URI(url))
  rescue SystemCallError
    nil
  end

  # Rails itself is not there: what the initializer uses of it is.
  def initialized(root)
    program = <<~'RUBY'
      require 'logger'
      require 'ostruct'
      require 'pathname'
      module Rails
        def self.configuration = @configuration ||= OpenStruct.new
        def self.root = Pathname(ARGV[0])
        def self.logger = @logger ||= Logger.new($stderr, level: :error)
      end
      load ARGV[1]
      client = Rails.configuration.split_factory.client
      client.block_until_ready(5) if File.exist?(File.join(ARGV[0], 'config/split.yaml'))
      puts client.get_treatment('ann', 'new_checkout')
    RUBY
    output, = run_ruby(program, root, File.join(EXAMPLES, 'rails_initializer.rb'), env: { 'SPLIT_SDK_KEY' => nil })
    output
  end

  def test_the_rails_initializer
    Dir.mktmpdir do |root|
      Dir.mkdir(File.join(root, 'config'))
      FileUtils.cp(File.join(EXAMPLES, 'flags.yaml'), File.join(root, 'config/split.yaml'))
      assert_equal "on\n", initialized(root)
    end
  end

  def test_the_rails_initializer_without_key_and_file
    Dir.mktmpdir do |root|
      assert_match(/ERROR.*the SDK key is not a String; every treatment is control\n.*control\n\z/m, initialized(root))
    end
  end
end
