# frozen_string_literal: true

require_relative 'helper'

class TestEvaluation < Case
  ON = { treatment: 'on', config: '{"color":"red"}' }.freeze

  def setup
    @client = localhost.client
  end

  def test_a_treatment
    assert_equal 'on', @client.get_treatment('ann', 'checkout')
    assert_equal 'off', @client.get_treatment('eve', 'checkout')
    assert_equal 'control', @client.get_treatment('ann', 'unknown')
    assert_equal 'on', @client.get_treatment(:ann, :checkout)
  end

  def test_a_treatment_is_one_frozen_text
    first = @client.get_treatment('ann', 'checkout')
    assert_predicate first, :frozen?
    assert_same first, @client.get_treatment('ann', 'checkout')
    assert_equal Encoding::UTF_8, first.encoding
  end

  def test_with_config
    assert_equal ON, @client.get_treatment_with_config('ann', 'checkout')
    assert_equal({ treatment: 'off', config: nil }, @client.get_treatment_with_config('eve', 'checkout'))
    assert_equal({ treatment: 'red', config: '' }, @client.get_treatment_with_config('eve', 'banner'))
  end

  def test_explain
    account = @client.explain('ann', 'checkout')
    assert_equal ON, account.slice(:treatment, :config)
    assert_equal %w[evaluated whitelisted], account.values_at(:status, :label)
    matcher = account[:evaluation][:steps][0][:steps][0]
    assert_equal ['WHITELIST', 'ann', true], matcher.values_at(:type, :value, :result)
    assert_equal 'b', @client.explain({ matching_key: 'ann', bucketing_key: 'b' }, 'checkout')[:bucketing_key]
    assert_equal 'unknown_flag', @client.explain('ann', 'nope')[:status]
    [[nil, 'checkout'], ["a\0", 'checkout'], ['ann', nil], ['ann', "a\0"]].each do |key, flag|
      assert_equal 'invalid', @client.explain(key, flag)[:status], [key, flag].inspect
    end
  end

  def test_many
    assert_equal({ checkout: 'on', banner: 'red', nope: 'control' },
                 @client.get_treatments('ann', ['checkout', :banner, 'nope', 'checkout', nil, 7]))
    assert_equal({ checkout: ON }, @client.get_treatments_with_config('ann', ['checkout']))
    assert_equal({}, @client.get_treatments('ann', []))
    assert_nil @client.get_treatments('ann', 'checkout')
    assert_nil @client.get_treatments_with_config('ann', nil)
  end

  def test_flag_sets
    assert_equal({ banner: 'red', checkout: 'on' }, @client.get_treatments_by_flag_set('ann', 'web'))
    assert_equal ON, @client.get_treatments_with_config_by_flag_set('ann', :web)[:checkout]
    assert_equal %i[banner checkout staff_tools], @client.get_treatments_by_flag_sets('ann', %w[web shop]).keys
    assert_equal ON, @client.get_treatments_with_config_by_flag_sets('ann', ['shop'])[:checkout]
    assert_equal({}, @client.get_treatments_by_flag_set('ann', 'nope'))
    assert_equal({}, @client.get_treatments_by_flag_set('ann', nil))
    assert_nil @client.get_treatments_by_flag_sets('ann', 'web')
  end

  def test_keys
    assert_equal 'on', @client.get_treatment({ matching_key: 'ann', bucketing_key: 'other' }, 'checkout')
    assert_equal 'on', @client.get_treatment({ matching_key: 'ann' }, 'checkout')
    [nil, '', [], Object.new, {}, "a\0b", "\xff", 'x' * 251].each do |key|
      assert_equal 'control', @client.get_treatment(key, 'checkout'), key.inspect
      assert_equal 'control', @client.get_treatment_with_config(key, 'checkout')[:treatment], key.inspect
      assert_equal({ checkout: 'control' }, @client.get_treatments(key, ['checkout']), key.inspect)
    end
    assert_equal 'off', @client.get_treatment(42, 'checkout')
    assert_equal 'on', @client.get_treatment('ann'.encode('UTF-16LE'), 'checkout'.encode('UTF-16BE'))
    assert_equal 'on', @client.get_treatment('ann'.b, 'checkout')
  end

  def test_flags_that_are_none
    [nil, '', 7, [], "check\0out", 'x' * 300].each do |flag|
      assert_equal 'control', @client.get_treatment('ann', flag), flag.inspect
      assert_equal 'control', @client.get_treatment_with_config('ann', flag)[:treatment], flag.inspect
    end
  end

  def test_flags_in_other_encodings
    wide = 'checkout'.encode('UTF-16LE')
    unknown = 'checkout'.dup.force_encoding('UTF-7')
    [wide, unknown, 'checkout'.encode('ISO-8859-1')].each do |flag|
      assert_equal 'on', @client.get_treatment('ann', flag), flag.encoding
      assert_equal({ checkout: 'on' }, @client.get_treatments('ann', [flag]), flag.encoding)
    end
    assert_equal 'on', @client.get_treatment('ann'.dup.force_encoding('UTF-7'), 'checkout')
    assert_equal 'on', @client.get_treatments_by_flag_sets('ann', ['web'.encode('UTF-16LE')])[:checkout]
  end

  def test_attributes_decide
    { { 'age' => 31 } => 'yes', { age: 31 } => 'yes', { age: 3 } => 'no', {} => 'no', nil => 'no' }
      .each do |attributes, treatment|
      assert_equal treatment, @client.get_treatment('eve', 'adults', attributes), attributes.inspect
    end
    assert_equal 'control', @client.get_treatment('eve', 'adults', 'age')
    assert_equal 'yes', @client.get_treatments('eve', ['adults'], { age: 31 })[:adults]
    assert_equal 'yes', @client.get_treatment_with_config('eve', 'adults', { age: 31 })[:treatment]
  end

  def test_fallback_treatments
    models = SplitIoClient::Engine::Models
    fallback = models::FallbackTreatmentsConfiguration.new(
      models::FallbackTreatment.new('global', '{}'), { known: 'special' }
    )
    client = localhost(fallback_treatments: fallback).client
    assert_equal({ treatment: 'global', config: '{}' }, client.get_treatment_with_config('ann', 'nope'))
    assert_equal 'special', client.get_treatment('ann', 'known')
  end

  # A signal handler, or another thread, may evaluate while an evaluation is being prepared.
  def test_threads_at_once
    wrong = Array.new(8) do |number|
      Thread.new do
        2000.times.count do |turn|
          grown = (number + turn).even?
          @client.get_treatment('eve', 'adults', { age: grown ? 31 : 3 }) != (grown ? 'yes' : 'no')
        end
      end
    end
    assert_equal 0, wrong.sum(&:value)
  end

  def test_in_a_signal_handler
    told = Queue.new
    before = trap(:USR1) { told << @client.get_treatment('eve', 'adults', { age: 31 }) }
    Process.kill(:USR1, Process.pid)
    assert_equal('yes', Timeout.timeout(5) { told.pop })
  ensure
    trap(:USR1, before)
  end
end
