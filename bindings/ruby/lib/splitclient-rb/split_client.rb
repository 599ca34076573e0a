# frozen_string_literal: true

module SplitIoClient
  # Evaluates feature flags and tracks events. Made by {SplitFactory#client}; usable from any number of threads, and in
  # forked children, which need to do nothing for it.
  #
  # A key is a String, a Symbol or a number, or a Hash with `:matching_key` and `:bucketing_key`. Attributes are a Hash
  # by name; whatever is in it, an evaluation raises nothing.
  class SplitClient
    # @private
    def initialize(handle, options)
      @handle = handle
      @ready_seconds = options.ready
      @evaluations = Evaluations.new(handle, options.waits?)
    end

    # @return [String] the treatment of a flag for a key; `control` when there is nothing to evaluate
    # @param key [String, Symbol, Numeric, Hash]
    # @param split_name [String, Symbol] the name of the flag
    # @param attributes [Hash, nil]
    # @param evaluation_options [Engine::Models::EvaluationOptions, nil]
    def get_treatment(key, split_name, attributes = nil, evaluation_options = nil)
      @evaluations.treatment(key, split_name, attributes, evaluation_options)
    end

    # @return [Hash] `{treatment: String, config: String or nil}`
    # @param (see #get_treatment)
    def get_treatment_with_config(key, split_name, attributes = nil, evaluation_options = nil)
      @evaluations.treatment_with_config(key, split_name, attributes, evaluation_options)
    end

    # @return [Hash{Symbol => String}, nil] treatments by flag; nil if the names are no Array
    # @param key [String, Symbol, Numeric, Hash]
    # @param split_names [Array<String, Symbol>]
    # @param attributes [Hash, nil]
    # @param evaluation_options [Engine::Models::EvaluationOptions, nil]
    def get_treatments(key, split_names, attributes = nil, evaluation_options = nil)
      names = names(split_names, 'get_treatments: feature_flag_names') or return
      plain @evaluations.of_many(:split_get_treatments, key, names, attributes, evaluation_options)
    end

    # @return [Hash{Symbol => Hash}, nil] `{treatment:, config:}` by flag; nil if the names are no Array
    # @param (see #get_treatments)
    def get_treatments_with_config(key, split_names, attributes = nil, evaluation_options = nil)
      names = names(split_names, 'get_treatments_with_config: feature_flag_names') or return
      @evaluations.of_many(:split_get_treatments_with_config, key, names, attributes, evaluation_options)
    end

    # @return [Hash{Symbol => String}] treatments of the flags of a flag set
    # @param key [String, Symbol, Numeric, Hash]
    # @param flag_set [String, Symbol]
    # @param attributes [Hash, nil]
    # @param evaluation_options [Engine::Models::EvaluationOptions, nil]
    def get_treatments_by_flag_set(key, flag_set, attributes = nil, evaluation_options = nil)
      plain @evaluations.of_set(:split_get_treatments_by_flag_set, key, flag_set, attributes, evaluation_options)
    end

    # @return [Hash{Symbol => Hash}] `{treatment:, config:}` by flag of a flag set
    # @param (see #get_treatments_by_flag_set)
    def get_treatments_with_config_by_flag_set(key, flag_set, attributes = nil, evaluation_options = nil)
      @evaluations.of_set(:split_get_treatments_with_config_by_flag_set, key, flag_set, attributes, evaluation_options)
    end

    # @return [Hash{Symbol => String}, nil] treatments of the flags of several flag sets; nil if they are no Array
    # @param key [String, Symbol, Numeric, Hash]
    # @param flag_sets [Array<String, Symbol>]
    # @param attributes [Hash, nil]
    # @param evaluation_options [Engine::Models::EvaluationOptions, nil]
    def get_treatments_by_flag_sets(key, flag_sets, attributes = nil, evaluation_options = nil)
      sets = names(flag_sets, 'get_treatments_by_flag_sets: flag_sets') or return
      plain @evaluations.of_many(:split_get_treatments_by_flag_sets, key, sets, attributes, evaluation_options)
    end

    # @return [Hash{Symbol => Hash}, nil] `{treatment:, config:}` by flag of several flag sets; nil if they are no Array
    # @param (see #get_treatments_by_flag_sets)
    def get_treatments_with_config_by_flag_sets(key, flag_sets, attributes = nil, evaluation_options = nil)
      sets = names(flag_sets, 'get_treatments_with_config_by_flag_sets: flag_sets') or return
      @evaluations.of_many(:split_get_treatments_with_config_by_flag_sets, key, sets, attributes, evaluation_options)
    end

    # How {#get_treatment_with_config} would decide now, and why: each condition and matcher that was tried, what it saw
    # and what it answered. `docs/explain.md` has the members. Records no impression; Split's SDK has no such method.
    # @return [Hash{Symbol => Object}]
    # @param (see #get_treatment)
    def explain(key, split_name, attributes = nil, evaluation_options = nil)
      @evaluations.explain(key, split_name, attributes, evaluation_options)
    end

    # Records an event of a key, for metrics.
    # @return [Boolean] whether it was queued
    # @param key [String, Symbol, Numeric]
    # @param traffic_type_name [String] such as `user`
    # @param event_type [String]
    # @param value [Numeric, nil]
    # @param properties [Hash, nil] text, numbers, true, false or nil by name
    def track(key, traffic_type_name, event_type, value = nil, properties = nil)
      @evaluations.track(key, traffic_type_name, event_type, value, properties)
    end

    # Waits until the factory has its first definitions. Ctrl-C interrupts it, and other threads run meanwhile.
    # @return [void]
    # @param time [Numeric, nil] seconds; by default what the option `ready` says, or 15
    # @raise [SDKBlockerTimeoutExpiredException] when they are over, or the factory is destroyed
    def block_until_ready(time = nil)
      seconds = time || @ready_seconds
      status = Waiting.in_slices(seconds) { |slice| Native.split_block_until_ready(@handle.use, slice) }
      return if status == Native::OK

      reasons = { Native::DESTROYED => 'the factory is destroyed', Native::TIMEOUT => 'SDK start up timeout expired',
                  Native::UNAUTHORIZED => 'SDK start up timeout expired: Split does not accept the SDK key' }
      raise SDKBlockerTimeoutExpiredException, reasons.fetch(status, 'the factory cannot become ready')
    end

    # @return [Boolean] whether the factory has definitions to answer from
    def ready?
      Native.split_is_ready(@handle.use)
    end

    # Calls a handler, on a thread of this gem, when something happens; the first one for each event counts.
    # @return [void]
    # @param sdk_event [String] one of {Engine::Models::SdkEvent}
    # @param handler [#call] gets {Engine::Models::EventsMetadata}, or nil when the factory is ready
    def register(sdk_event, handler)
      @handle.use
      @handle.delivery.on(sdk_event, handler)
    end

    # Sends what is queued, for up to ten seconds, and stops. Every evaluation gives `control` from then on.
    # @return [void]
    def destroy
      @handle.destroy
      nil
    end

    private

    def names(values, what)
      unless values.is_a?(Array)
        @handle.delivery.log(:error, "#{what} must be a non-empty Array")
        return
      end

      good, bad = values.compact.map { |value| Values.name(value) }.partition { |name| name && !name.include?("\0") }
      @handle.delivery.log(:warn, "#{what}: each must be a non-empty String or a Symbol") unless bad.empty?
      good
    end

    def plain(results)
      results.transform_values { |result| result[:treatment] }
    end
  end
end
