# frozen_string_literal: true

require_relative 'helper'

# Real servers that load the application, factory and all, and then fork workers.
class TestServers < Case
  WORKERS = 3
  APPS = File.expand_path('apps', __dir__)

  def setup
    @backend = Backend.new('--streaming', '--payload', 'gzip')
    @backend.put(Backend.flag('checkout'))
    @sent = 0
  end

  def teardown
    super
    @backend.stop
  end

  def free_port
    TCPServer.open('127.0.0.1', 0) { |server| server.addr[1] }
  end

  # A server, until the end of the block; then it is told to stop, and must do so in good order.
  def serving(signal, *command, impressions_refresh_rate: 3600)
    log = Tempfile.new('server')
    @port = free_port
    env = { 'BACKEND' => @backend.url, 'PORT' => @port.to_s, 'RUBYLIB' => LIB,
            'IMPRESSIONS_REFRESH_RATE' => impressions_refresh_rate.to_s }
    pid = spawn(env, *command, chdir: APPS, out: log.path, err: log.path)
    begin
      eventually(30) { up? }
      yield pid
      Process.kill(signal, pid)
      _, status = Timeout.timeout(30) { Process.wait2(pid) }
      pid = nil
      assert status.success? || status.termsig == Signal.list['TERM'], "#{status.inspect}\n#{File.read(log.path)}"
    ensure
      Process.kill(:KILL, pid) if pid
    end
    refute_match(/\[BUG\]|Segmentation|terminated with exception/, File.read(log.path))
  end

  def up?
    TCPSocket.open('127.0.0.1', @port).close
    true
  rescue SystemCallError
    false
  end

  # One request with a key of its own.
  def ask
    @sent += 1
    JSON.parse(Net::HTTP.get(URI("http://127.0.0.1:#{@port}/?key=key-#{@sent}")), symbolize_names: true)
  end

  # Asks, several at once, until a block says that it is enough of what was told.
  def ask_until
    told = {}
    eventually(30) do
      Array.new(6) { Thread.new { ask } }.each do |thread|
        thread.value.then do |one|
          told[one[:pid]] = one[:treatment]
        end
      end
      yield told
    end
    told
  end

  def everyone?(told, treatment)
    told.size == WORKERS && told.values.uniq == [treatment]
  end

  def check_workers(master)
    told = ask_until { |answers| everyone?(answers, 'on') }
    refute_includes told.keys, master
    # Polling would take an hour.
    eventually { @backend.call(:Get, 'streams').size >= WORKERS }
    @backend.put(Backend.flag('checkout', 'streamed'))
    ask_until { |answers| everyone?(answers, 'streamed') }
  end

  # The master's, and each worker's, exactly once.
  def check_impressions
    expected = { 'master' => 1, **(1..@sent).to_h { |number| ["key-#{number}", 1] } }
    arrived = eventually(10) { @backend.impression_keys.then { |keys| keys if keys.size >= expected.size } }
    assert_equal expected, arrived
  end

  def check_once
    check_impressions
    assert_equal((1..@sent).map { |number| "key-#{number}" }.sort, @backend.events.map { |event| event[:key] }.sort)
  end

  # Impressions are posted while the servers run, and not once more when they end.
  def test_puma_cluster
    serving(:TERM, 'puma', '-C', 'puma.rb', 'config.ru', impressions_refresh_rate: 1) do |master|
      check_workers(master)
      check_impressions
    end
    check_once
  end

  # Impressions are posted when the servers end.
  def test_unicorn
    serving(:QUIT, 'unicorn', '-c', 'unicorn.rb', 'config.ru') { |master| check_workers(master) }
    check_once
  end
end
