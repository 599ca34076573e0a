# frozen_string_literal: true

module SplitIoClient
  # Starts the SDK, in the background, and gives the objects that use it. One for an SDK key and a process is enough; it
  # survives forks.
  class SplitFactory
    # @return [SplitClient]
    attr_reader :client
    # @return [SplitManager]
    attr_reader :manager

    # @param api_key [String] the SDK key; `localhost` to read flags from a file
    # @param config_hash [Hash] options by name, as Split's gem has them; see the README
    # @raise [ArgumentError] when an option cannot be used
    # @raise [SplitIoError] when the file of flags, or Redis, cannot be read
    def initialize(api_key, config_hash = {})
      @options = Options.new(config_hash)
      pointer, reason = start(api_key)
      @handle = Handle.new(pointer, Delivery.new(pointer, @options.logger, @options.listener))
      @handle.delivery.log(:error, "factory instantiation: #{reason}; every treatment is control") if reason
      @client = SplitClient.new(@handle, @options)
      @manager = SplitManager.new(@handle, @options, @client)
    end

    # @return [void]
    # @param time [Numeric, nil] see {SplitClient#block_until_ready}
    # @raise [SDKBlockerTimeoutExpiredException]
    def block_until_ready(time = nil)
      @client.block_until_ready(time)
    end

    # Sends impressions, events and statistics now, and waits for it.
    # @return [Boolean] whether all was sent
    # @param seconds [Numeric, nil] nil: as long as it takes
    def flush(seconds = nil)
      @handle.flush(seconds) == Native::OK
    end

    # @return [void]
    # @see SplitClient#destroy
    def destroy
      @client.destroy
    end

    # Not needed before a fork: sends what is queued, and leaves the factory running.
    # @return [void]
    def stop!
      flush(Ending::SECONDS)
      nil
    end

    # Not needed after a fork, but with the options `resume_on_fork: false` or `preforked_initialization: true`: gives
    # the factory threads and connections in this process.
    # @return [void]
    # @raise [SplitIoError] when the system has none to give
    def resume!
      status, error = @handle.resume
      raise SplitIoError, error.text unless [Native::OK, Native::DESTROYED].include?(status) || @handle.pointer.null?
    end
    alias resume resume!
    alias start! resume!

    private

    # @return [Array(FFI::Pointer, String)] the factory; or NULL, and why the SDK key cannot be one
    def start(api_key)
      return [FFI::Pointer::NULL, 'the SDK key is not a String'] unless api_key.is_a?(String)

      error = Native::Error.new
      config = configuration(error)
      factory = @options.slow_start? ? made_elsewhere(api_key, config, error) : made(api_key, config, error)
      return [factory, nil] unless factory.null?
      return [factory, error.text] if error[:status] == Native::INVALID_ARGUMENT

      raise (error[:status] == Native::STORAGE ? SplitIoError : ArgumentError), error.text
    end

    # Ends the configuration.
    def made(api_key, config, error)
      Native.split_factory_new(api_key, config, error)
    ensure
      Native.split_config_free(config)
    end

    # As `made`. The one that waits answers Ctrl-C; what it does not wait for any more ends.
    def made_elsewhere(api_key, config, error)
      left = false
      Waiting.elsewhere do
        made(api_key, config, error).tap { |factory| Native.split_factory_free(factory) if left }
      end
    ensure
      left = true
    end

    def configuration(error)
      config = Native.split_config_new
      status = Native.split_config_merge_json(config, @options.json, error)
      if status == Native::OK
        status = Native.split_config_enable_queue(config, @options.kinds, 0)
        return config if status == Native::OK
      end
      Native.split_config_free(config)
      raise ArgumentError, error.text
    end
  end
end
