# frozen_string_literal: true

module SplitIoClient
  # Evaluations as the library makes them. What they are called by programs, and what they return, is in {SplitClient}.
  # @private
  class Evaluations
    # A split_result: flag, treatment, config and its length, label, change number, status, reserved, hold.
    RESULT = 'J5ql2J'
    FIELDS = 9
    FLAG = 0
    TREATMENT = 1
    CONFIG = 2
    CONFIG_LENGTH = 3
    HOLD = 8

    def initialize(handle, waits)
      @handle = handle
      @calls = waits ? Native::Waiting : Native
    end

    # @return [String] the treatment
    def treatment(key, flag, attributes, options)
      # By far the most calls: nothing but a key, a flag and perhaps attributes.
      if key.instance_of?(String) && flag.instance_of?(String) && attributes.nil? && options.nil? &&
         key.encoding == Encoding::UTF_8 && flag.encoding == Encoding::UTF_8
        return Native::TREATMENTS[@calls.split_get_treatment(@handle.use, key, flag, nil)]
      end

      with(key, attributes, options) do |matching_key, native, _|
        Native::TREATMENTS[@calls.split_get_treatment(@handle.use, matching_key, Values.name(flag), native)]
      end
    rescue ArgumentError # A NUL in the key or the flag: the library has an answer for what is not valid.
      Native::TREATMENTS[@calls.split_get_treatment(@handle.use, nil, without_nul(flag), nil)]
    end

    # @return [Hash] `{treatment:, config:}`
    def treatment_with_config(key, flag, attributes, options)
      with(key, attributes, options) do |matching_key, native, scratch|
        result_of(matching_key, Values.name(flag), native, scratch.result)
      end
    rescue ArgumentError
      with(nil, nil, nil) { |_, native, scratch| result_of(nil, without_nul(flag), native, scratch.result) }
    end

    # Of some flags, or of the flags of some sets.
    # @return [Hash{Symbol => Hash}] `{treatment:, config:}` by flag
    def of_many(function, key, names, attributes, options)
      with(key, attributes, options) do |matching_key, native, _|
        memory = list_of(names)
        results(@calls.public_send(function, @handle.use, matching_key, memory.last, names.size, native))
      end
    rescue ArgumentError # A NUL in the key.
      key.nil? ? {} : of_many(function, nil, names, nil, nil)
    end

    # Of the flags of one set.
    # @return [Hash{Symbol => Hash}] `{treatment:, config:}` by flag
    def of_set(function, key, set, attributes, options)
      with(key, attributes, options) do |matching_key, native, _|
        results(@calls.public_send(function, @handle.use, matching_key, Values.name(set), native))
      end
    rescue ArgumentError
      {}
    end

    # @return [Hash{Symbol => Object}] how a flag is decided, and why
    def explain(key, flag, attributes, options)
      with(key, attributes, options) { |matching_key, native, _| explanation(matching_key, Values.name(flag), native) }
    rescue ArgumentError
      explanation(nil, without_nul(flag), nil)
    end

    # @return [Boolean] whether the event was queued
    def track(key, traffic_type, event_type, value, properties)
      Scratch.borrow do |scratch|
        native = scratch.fill(nil, nil, properties)
        @calls.split_track(@handle.use, Values.key(key), Values.name(traffic_type), Values.name(event_type),
                           number(value), native) == Native::OK
      end
    rescue ArgumentError
      @calls.split_track(@handle.use, nil, nil, nil, Float::NAN, nil) == Native::OK
    end

    # @return [Object, nil] what the manager tells, parsed
    def manager_json(name)
      _, text = Native.taking_json { |json| @calls.split_manager_json(@handle.use, name, json) }
      text && JSON.parse(text, symbolize_names: true)
    end

    private

    def explanation(key, flag, native)
      _, text = Native.taking_json { |json| @calls.split_explain(@handle.use, key, flag, native, json) }
      JSON.parse(text, symbolize_names: true)
    end

    def with(key, attributes, options)
      matching_key, bucketing_key = keys(key)
      Scratch.borrow do |scratch|
        yield matching_key, scratch.fill(bucketing_key, attributes, properties(options)), scratch
      end
    end

    def keys(key)
      return [Values.key(key), nil] unless key.is_a?(Hash)

      [Values.key(key[:matching_key]), Values.key(key[:bucketing_key])]
    end

    # One text that has all of them, and a list of where each begins. Both are to be kept during the call.
    def list_of(names)
      joined = names.map(&:b).join("\0")
      text = FFI::MemoryPointer.new(joined.bytesize + 1).put_bytes(0, joined)
      at = text.address
      places = names.map { |name| at.tap { at += name.bytesize + 1 } }
      [text, FFI::MemoryPointer.new(:pointer, names.size + 1).put_bytes(0, places.pack('J*'))]
    end

    def properties(options)
      return if options.nil?
      return options.properties if options.respond_to?(:properties)

      @handle.delivery.log(:warn, 'evaluation options should be EvaluationOptions; they are ignored')
      nil
    end

    # What is not a number is an event that the library refuses, with a line in the log: as infinity.
    def number(value)
      return Float::NAN if value.nil?

      value.is_a?(Numeric) && value.real? ? value.to_f : Float::INFINITY
    rescue StandardError # Of a class of the program.
      Float::INFINITY
    end

    def without_nul(flag)
      name = Values.name(flag)
      name unless name.nil? || name.include?("\0")
    end

    def result_of(key, flag, native, result)
      @calls.split_get_treatment_with_config(@handle.use, key, flag, native, result)
      fields = result.get_bytes(0, Scratch::RESULT_SIZE).unpack(RESULT)
      answer = answer(fields)
      Native.split_result_release(result) unless fields[HOLD].zero?
      answer
    end

    def answer(fields)
      address = fields[CONFIG]
      config = FFI::Pointer.new(address).read_bytes(fields[CONFIG_LENGTH]) unless address.zero?
      { treatment: Native::TREATMENTS[fields[TREATMENT]], config: config&.force_encoding(Encoding::UTF_8) }
    end

    def results(list)
      count = FFI::MemoryPointer.new(:size_t)
      data = Native.split_results_data(list, count)
      size = count.get(:size_t, 0)
      return {} if size.zero?

      data.read_bytes(size * Scratch::RESULT_SIZE).unpack(RESULT * size).each_slice(FIELDS).to_h do |fields|
        [Native.text_at(fields[FLAG]).to_sym, answer(fields)]
      end
    ensure
      Native.split_results_free(list)
    end
  end
  private_constant :Evaluations
end
