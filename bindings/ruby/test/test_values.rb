# frozen_string_literal: true

require_relative 'helper'
require 'bigdecimal'

# What attributes and properties become, as a listener sees them.
class TestValues < Case
  class Shown
    def to_s = 'shown'
  end

  class Broken
    def to_s = raise('no text')
  end

  deep = 200.times.inject([]) { |inner, _| [inner] }
  ATTRIBUTES = [
    %w[text text], ['', ''], %w[ünï ünï], ["nul\0nul", "nul\0nul"], [:symbol, 'symbol'],
    ["\xff", "\u{fffd}"], ['ü'.encode('ISO-8859-1'), 'ü'], ['ü'.b, 'ü'],
    [1, 1], [-(2**63), -(2**63)], [2**63, 2**63], [2**70, 2**70], [1.5, 1.5], [true, true], [false, false], [nil, nil],
    [Float::NAN, nil], [Float::INFINITY, nil], [BigDecimal('1.5'), 1.5], [Rational(1, 2), 0.5], [Complex(1, 2), '1+2i'],
    [Time.at(1_700_000_000, 999_999), 1_700_000_000], [Date.new(2023, 11, 14), 1_699_920_000],
    [DateTime.new(2023, 11, 14, 22, 13, 20), 1_700_000_000],
    [%w[a b], %w[a b]], [Set.new([1, 2]), [1, 2]], [[1, [2.5, nil]], [1, [2.5, nil]]],
    [{ a: { 1 => :b } }, { a: { '1': 'b' } }],
    [Shown.new, 'shown'], [Broken.new, '']
  ].freeze
  DEEP = deep

  def setup
    @listener = Helper::Listener.new
    @client = localhost(impression_listener: @listener).client
  end

  def test_attributes
    ATTRIBUTES.each do |given, expected|
      assert_equal 'on', @client.get_treatment('ann', 'checkout', { 'value' => given, other: 'x' })
      seen = @listener.take(1).first[:attributes]
      expected.nil? ? assert_nil(seen[:value]) : assert_equal(expected, seen[:value], given.inspect)
      assert_equal 'x', seen[:other]
    end
  end

  def test_deep_attributes_become_text
    assert_equal 'on', @client.get_treatment('ann', 'checkout', { deep: DEEP })
    assert_kind_of Array, @listener.take(1).first.dig(:attributes, :deep)
  end

  # Each depth has twice as many.
  def test_circles_end
    list = []
    list << list << list
    hash = {}
    hash.update(a: hash, b: hash)
    [{ list: }, hash].each do |attributes|
      assert_equal('on', Timeout.timeout(20) { @client.get_treatment('ann', 'checkout', attributes) })
    end
  end

  def test_objects_that_fail
    number = Class.new(Numeric) { def to_f = raise('no number') }
    options = SplitIoClient::Engine::Models::EvaluationOptions.new({ Broken.new => 1, b: number.new })
    assert_equal 'on', @client.get_treatment('ann', 'checkout', { Broken.new => 1, b: number.new }, options)
    refute @client.track('ann', 'user', 'paid', number.new)
  end

  def test_names_of_attributes
    @client.get_treatment('ann', 'checkout', { 1 => 2, nil => 3, 'größe' => 4, "a\0" => 5 })
    assert_equal({ '1': 2, '': 3, größe: 4, "a\x00": 5 }, @listener.take(1).first[:attributes])
  end

  def test_what_is_no_hash_is_invalid
    ['x', 1, [], Object.new].each { |other| assert_equal 'control', @client.get_treatment('ann', 'checkout', other) }
  end

  def test_properties
    options = SplitIoClient::Engine::Models::EvaluationOptions
    { { a: 'x', 'b' => 1, c: 1.5, d: true, e: nil } => { a: 'x', b: 1, c: 1.5, d: true, e: nil },
      { a: :symbol, b: BigDecimal('2.5'), c: Float::NAN, d: [1], e: Object.new } =>
        { a: 'symbol', b: 2.5, c: nil, d: nil, e: nil } }.each do |given, expected|
      @client.get_treatment('ann', 'checkout', nil, options.new(given))
      assert_equal expected, @listener.take(1).first[:properties]
    end
    assert_equal 'on', @client.get_treatment('ann', 'checkout', nil, 'no options')
    assert_nil @listener.take(1).first[:properties]
  end
end
